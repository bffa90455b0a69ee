//! The samples as a metric of each stack, for the autoscaler.

use std::time::Instant;

use external_metrics::{ExternalMetricsProvider, Objects, Sample as Value, Series};
use kube::Resource as _;
use pingstack_crd::PingStack;

use super::{Sample, Samples, Unreadable};

/// The one metric: messages of a stack's mail queue that wait or are being sent.
pub const METRIC: &str = "pingstack_mail_backlog";

/// The label of the metric: the stack's name.
pub const LABEL: &str = "pingstack";

impl ExternalMetricsProvider for Samples {
    fn metrics(&self) -> Vec<String> {
        vec![METRIC.to_owned()]
    }

    fn values(&self, namespace: &str, _metric: &str) -> Vec<Series> {
        self.in_namespace(namespace, Instant::now())
            .into_iter()
            .map(|(name, outcome)| series(name, outcome))
            .collect()
    }

    fn objects(&self) -> Option<Objects> {
        Some(Objects {
            resource: format!("{}.{}", PingStack::plural(&()), PingStack::group(&())),
            api_version: PingStack::api_version(&()).into_owned(),
            kind: PingStack::kind(&()).into_owned(),
            name_label: LABEL.to_owned(),
        })
    }
}

fn series(name: String, outcome: Result<Sample, Unreadable>) -> Series {
    let sample = outcome
        .map(|sample| Value { value: sample.messages, taken_at: sample.taken_at })
        .map_err(|why| format!("the backlog of PingStack {name} is unknown: {why}"));
    Series { labels: [(LABEL.to_owned(), name)].into(), sample }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use external_metrics::{ExternalMetricsProvider as _, answer::Target, refusal::Refusal};
    use k8s_openapi::jiff::Timestamp;
    use serde_json::{Value, json};

    use crate::autoscaling::sample::{MAX_AGE, Sample, Samples, StackKey, Unreadable};

    const METRIC_PATH: &str = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/pingstack_mail_backlog";

    const OBJECT_PATH: &str = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pingstacks.pingstack.dev/demo/pingstack_mail_backlog";

    fn sample(messages: u64, asked: Instant) -> Sample {
        let taken_at = Timestamp::new(1_767_323_045, 999_999_999).unwrap();
        Sample { messages, consumers: 1, taken_at, asked }
    }

    /// Two readable stacks in `shop`, one that is not in `back`.
    fn samples() -> Samples {
        let samples = Samples::default();
        samples.record(StackKey::new("shop", "demo"), Ok(sample(42, Instant::now())));
        samples.record(StackKey::new("shop", "other"), Ok(sample(1, Instant::now())));
        samples.record(StackKey::new("back", "demo"), Err(Unreadable::Minority { online: 1, members: 3 }));
        samples
    }

    fn ask(samples: &Samples, path: &str, query: &str) -> Result<Value, Refusal> {
        Target::of(path, samples.objects()).answer(query, samples)
    }

    #[test]
    fn the_backlog_is_a_quantity_with_label_and_whole_seconds() {
        let answer = ask(&samples(), METRIC_PATH, "labelSelector=pingstack%3Ddemo").unwrap();
        let expected = json!({
            "kind": "ExternalMetricValueList",
            "apiVersion": "external.metrics.k8s.io/v1beta1",
            "metadata": {},
            "items": [{
                "metricName": "pingstack_mail_backlog",
                "metricLabels": { "pingstack": "demo" },
                "timestamp": "2026-01-02T03:04:05Z",
                "value": "42",
            }],
        });
        assert_eq!(answer, expected);
    }

    #[test]
    fn the_backlog_of_an_object_is_one_item_that_names_it() {
        let item = json!({
            "describedObject": {
                "apiVersion": "pingstack.dev/v1beta1", "kind": "PingStack", "namespace": "shop", "name": "demo",
            },
            "metric": { "name": "pingstack_mail_backlog" },
            "timestamp": "2026-01-02T03:04:05Z",
            "value": "42",
        });
        let expected = json!({
            "kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {}, "items": [item],
        });
        assert_eq!(ask(&samples(), OBJECT_PATH, "metricLabelSelector=").unwrap(), expected);
    }

    #[test]
    fn an_empty_queue_is_a_certain_zero() {
        let samples = Samples::default();
        samples.record(StackKey::new("shop", "demo"), Ok(sample(0, Instant::now())));
        assert_eq!(ask(&samples, METRIC_PATH, "").unwrap()["items"][0]["value"], "0");
    }

    #[test]
    fn a_stack_that_cannot_be_read_is_503_with_the_reason_in_words() {
        for path in [METRIC_PATH, OBJECT_PATH] {
            let refusal = ask(&samples(), &path.replace("shop", "back"), "").unwrap_err();
            assert_eq!((refusal.code, refusal.reason), (503, "ServiceUnavailable"));
            let words = "the backlog of PingStack demo is unknown: only 1 of the queue's 3 members are up";
            assert!(refusal.message.starts_with(words), "{}", refusal.message);
        }
    }

    #[test]
    fn a_stale_sample_is_503() {
        let samples = Samples::default();
        let old = Instant::now().checked_sub(MAX_AGE + Duration::from_secs(1)).unwrap();
        samples.record(StackKey::new("shop", "demo"), Ok(sample(7, old)));
        assert_eq!(ask(&samples, METRIC_PATH, "").unwrap_err().code, 503);
    }

    #[test]
    fn a_stack_that_nobody_knows_is_404_with_what_there_is_no_such_thing_of() {
        let refusal = ask(&samples(), METRIC_PATH, "labelSelector=pingstack%3Dnobody").unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (404, "no PingStack in this namespace matches the selector")
        );
        let refusal = ask(&samples(), &METRIC_PATH.replace("mail_backlog", "length"), "").unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (404, "there is no metric of that name, only pingstack_mail_backlog")
        );
    }

    #[test]
    fn discovery_names_the_metric_in_both_apis() {
        let ask = |path: &str| ask(&samples(), path, "timeout=32s").unwrap();
        insta::assert_json_snapshot!("groups", ask("/apis"));
        insta::assert_json_snapshot!("group", ask("/apis/external.metrics.k8s.io"));
        insta::assert_json_snapshot!("resources", ask("/apis/external.metrics.k8s.io/v1beta1/"));
        insta::assert_json_snapshot!("resources_of_objects", ask("/apis/custom.metrics.k8s.io/v1beta2"));
    }
}
