//! What the queues hold, for Prometheus: the same samples that the autoscaler gets. A stack whose queue cannot be read has
//! no number here either, never 0.

use std::{fmt, time::Instant};

use service_kit::metrics::{
    Metrics,
    prometheus_client::{
        collector::Collector,
        encoding::{DescriptorEncoder, EncodeMetric as _},
        metrics::{MetricType, gauge::ConstGauge},
    },
};

use super::{Sample, Samples, StackKey, Unreadable};

/// One stack, as labels. Prometheus must honour `namespace`: it is the stack's, not the operator's.
type Labels<'a> = [(&'static str, &'a str); 2];

/// Registers the metrics over `samples`; they are read when Prometheus asks.
pub fn register(metrics: &Metrics, samples: Samples) {
    metrics.register(|registry| registry.register_collector(Box::new(Backlogs(samples))));
}

#[derive(Debug)]
struct Backlogs(Samples);

impl Collector for Backlogs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.0.all(Instant::now());
        let read = |pick: fn(&Sample) -> u64| {
            all.iter().filter_map(move |(key, outcome)| Some((key, pick(outcome.as_ref().ok()?))))
        };
        let messages = read(|sample| sample.messages);
        gauge(
            &mut encoder,
            "pingstack_mail_backlog",
            "Mails that wait in send-otp or are being sent",
            messages,
        )?;
        let consumers = read(|sample| sample.consumers);
        gauge(&mut encoder, "pingstack_mail_consumers", "Subscribed mail-service pods", consumers)?;
        let readable = all.iter().filter_map(|(key, outcome)| Some((key, readable(outcome)?)));
        gauge(
            &mut encoder,
            "pingstack_mail_queue_readable",
            "1 if the queue could be read in the last 45 s, else 0",
            readable,
        )
    }
}

/// `None` where nobody has asked yet.
fn readable(outcome: &Result<Sample, Unreadable>) -> Option<u64> {
    match outcome {
        Ok(_) => Some(1),
        Err(Unreadable::NotYet) => None,
        Err(_) => Some(0),
    }
}

fn gauge<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (&'a StackKey, u64)>,
) -> fmt::Result {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (key, value) in values {
        let labels: Labels<'_> = [("namespace", &key.namespace), ("pingstack", &key.name)];
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use k8s_openapi::jiff::Timestamp;
    use service_kit::metrics::Metrics;

    use super::register;
    use crate::autoscaling::sample::{MAX_AGE, Sample, Samples, StackKey, Unreadable};

    #[test]
    fn a_queue_that_cannot_be_read_has_no_number() {
        let metrics = Metrics::new("ping-operator", "0");
        let samples = Samples::default();
        register(&metrics, samples.clone());
        assert!(!metrics.encode().contains("pingstack_"), "no stack, no line");
        let sample =
            Sample { messages: 3, consumers: 1, taken_at: Timestamp::UNIX_EPOCH, asked: Instant::now() };
        samples.record(StackKey::new("shop", "demo"), Ok(sample));
        samples.record(StackKey::new("shop", "away"), Err(Unreadable::NotRunning));
        samples.record(StackKey::new("shop", "new"), Err(Unreadable::NotYet));
        let old = Instant::now().checked_sub(MAX_AGE + Duration::from_secs(5)).unwrap();
        samples.record(StackKey::new("shop", "old"), Ok(Sample { asked: old, ..sample }));
        let text = metrics.encode();
        let lines = text.lines().filter(|line| line.starts_with("pingstack_")).collect::<Vec<_>>();
        assert_eq!(
            lines,
            [
                r#"pingstack_mail_backlog{namespace="shop",pingstack="demo"} 3"#,
                r#"pingstack_mail_consumers{namespace="shop",pingstack="demo"} 1"#,
                r#"pingstack_mail_queue_readable{namespace="shop",pingstack="away"} 0"#,
                r#"pingstack_mail_queue_readable{namespace="shop",pingstack="demo"} 1"#,
                r#"pingstack_mail_queue_readable{namespace="shop",pingstack="old"} 0"#,
            ]
        );
    }
}
