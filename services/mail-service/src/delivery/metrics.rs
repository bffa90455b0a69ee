//! What mail-service measures. No label can hold an address, an id or a server's text.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};
use service_kit::metrics::Metrics;

use super::{
    outcome::{Outcome, RejectReason},
    retry::{PauseReason, RetryReason},
};
use crate::smtp::Failure;

/// Upper bounds of the histogram's buckets, in seconds: from a relay in the same rack to the last deadline.
const ACCEPT_BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 90.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Send {
    outcome: &'static str,
    smtp_class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rendered {
    locale: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Retry {
    tier: &'static str,
    reason: &'static str,
}

/// Upper bounds of the ages' buckets, in seconds: to a code's usual 300, and the longest life there is.
const AGE_BUCKETS: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 150.0, 300.0, 900.0, 3600.0];

/// The metrics. Clones share them.
#[derive(Debug, Clone)]
pub struct MailMetrics {
    sends: Family<Send, Counter>,
    time_to_accept: Histogram,
    age: Histogram,
    code_life: Gauge,
    parked: Family<Reason, Counter>,
    expired: Counter,
    retries: Family<Retry, Counter>,
    paused: Family<Reason, Gauge>,
    in_flight: Gauge,
    rendered: Family<Rendered, Counter>,
    fallbacks: Counter,
}

impl MailMetrics {
    /// Registers them under their names.
    #[must_use]
    pub fn register(metrics: &Metrics) -> Self {
        let this = Self {
            sends: Family::default(),
            time_to_accept: Histogram::new(ACCEPT_BUCKETS),
            age: Histogram::new(AGE_BUCKETS),
            code_life: Gauge::default(),
            parked: Family::default(),
            expired: Counter::default(),
            retries: Family::default(),
            paused: Family::default(),
            in_flight: Gauge::default(),
            rendered: Family::default(),
            fallbacks: Counter::default(),
        };
        this.begin_at_zero();
        let ours = this.clone();
        metrics.register(|registry| {
            registry.register(
                "ping_mail_sends",
                "Mails handled, by outcome and class of the SMTP reply",
                ours.sends,
            );
            registry.register(
                "ping_mail_time_to_accept_seconds",
                "From the start of a delivery to the mail server's 250",
                ours.time_to_accept,
            );
            registry.register(
                "ping_mail_age_seconds",
                "How old a code was when the mail server took its mail, on Redis' clock",
                ours.age,
            );
            registry.register(
                "ping_mail_code_life_seconds",
                "How long a code lives: CODE_TTL_SECONDS",
                ours.code_life,
            );
            registry.register("ping_mail_parked", "Messages parked in send-otp.dead", ours.parked);
            registry.register("ping_mail_expired", "Mails dropped because their code was dead", ours.expired);
            registry.register("ping_mail_retries", "Messages put into a retry queue", ours.retries);
            registry.register(
                "ping_mail_paused",
                "1 while nothing is consumed, because of this",
                ours.paused,
            );
            registry.register("ping_mail_in_flight", "Messages being worked on", ours.in_flight);
            registry.register(
                "ping_mail_rendered",
                "Mails made from templates, by language; retries count again",
                ours.rendered,
            );
            registry.register(
                "ping_mail_template_fallbacks",
                "Mails made with the shipped layout because the administrator's failed, and starts without the latter",
                ours.fallbacks,
            );
        });
        this
    }

    /// What appears with its first count has no increase that an alert could see.
    fn begin_at_zero(&self) {
        for reason in PauseReason::ALL {
            self.pause(reason, false);
        }
        for reason in RejectReason::LABELS {
            drop(self.parked.get_or_create(&Reason { reason }));
        }
        for (outcome, smtp_class) in [("delivered", "2xx"), ("retry", "4xx"), ("rejected", "5xx")] {
            drop(self.sends.get_or_create(&Send { outcome, smtp_class }));
        }
        for outcome in ["already_sent", "expired", "retry", "rejected"] {
            drop(self.sends.get_or_create(&Send { outcome, smtp_class: "none" }));
        }
    }

    /// Says how long a code lives.
    pub fn code_lives(&self, life: Duration) {
        self.code_life.set(i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
    }

    /// A code was `old` when its mail was accepted.
    pub fn aged(&self, old: Duration) {
        self.age.observe(old.as_secs_f64());
    }

    pub fn handled(&self, outcome: Outcome, failure: Option<&Failure>) {
        let smtp_class = match (outcome, failure.and_then(Failure::reply)) {
            (_, Some(reply)) => reply.class(),
            (Outcome::Delivered, None) => "2xx",
            (_, None) => "none",
        };
        let outcome = match outcome {
            Outcome::Delivered => "delivered",
            Outcome::Retry(_) | Outcome::Pause(_) => "retry",
            Outcome::Reject(_) => "rejected",
            Outcome::Expired => {
                self.expired.inc();
                "expired"
            }
        };
        self.sends.get_or_create(&Send { outcome, smtp_class }).inc();
    }

    /// A mail was made from templates, in this language.
    pub fn rendered(&self, locale: &str) {
        self.rendered.get_or_create(&Rendered { locale: locale.to_owned() }).inc();
    }

    /// An administrator's templates could not be used.
    pub fn fell_back(&self) {
        self.fallbacks.inc();
    }

    /// Counts a redelivery of what was mailed before: no second mail.
    pub fn already_sent(&self) {
        self.sends.get_or_create(&Send { outcome: "already_sent", smtp_class: "none" }).inc();
    }

    /// One mail was accepted after `took`.
    pub fn accepted(&self, took: Duration) {
        self.time_to_accept.observe(took.as_secs_f64());
    }

    pub fn parked(&self, reason: RejectReason) {
        self.parked.get_or_create(&Reason { reason: reason.label() }).inc();
    }

    /// One message went into the tier `tier`.
    pub fn retried(&self, tier: &'static str, reason: RetryReason) {
        self.retries.get_or_create(&Retry { tier, reason: reason.label() }).inc();
    }

    /// Consuming pauses or goes on.
    pub fn pause(&self, reason: PauseReason, paused: bool) {
        self.paused.get_or_create(&Reason { reason: reason.label() }).set(i64::from(paused));
    }

    /// How many messages are being worked on.
    pub fn in_flight(&self, count: usize) {
        self.in_flight.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use service_kit::metrics::Metrics;

    use super::MailMetrics;
    use crate::delivery::retry::RetryReason;

    // In a runtime, whose tasks are counted too.
    #[tokio::test]
    async fn the_table_in_the_docs_is_that_of_the_registry() {
        let registry = Metrics::new("mail-service", "0");
        let metrics = MailMetrics::register(&registry);
        metrics.code_lives(Duration::from_mins(5));
        metrics.retried("send-otp.retry.5s", RetryReason::Deferred);
        metrics.rendered("en");
        test_kit::documents::assert_metrics("mail-service", &registry.encode(), &format!("{registry:?}"));
    }
}
