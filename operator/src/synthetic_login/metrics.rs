//! The synthetic sign-ins as numbers. Only the replica that reconciles has them.

use service_kit::metrics::{
    Metrics,
    prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};

use super::result::{OUTCOMES, SignInResult};
use crate::names::StackId;

type Labels = Vec<(&'static str, String)>;

/// The metrics. Clones share them.
#[derive(Debug, Clone)]
pub struct SignInMetrics {
    works: Family<Labels, Gauge>,
    code_seconds: Family<Labels, Histogram, fn() -> Histogram>,
    sign_ins: Family<Labels, Counter>,
}

impl SignInMetrics {
    /// Registers them.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let histogram: fn() -> Histogram =
            || Histogram::new([0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0]);
        let new = Self {
            works: Family::default(),
            code_seconds: Family::new_with_constructor(histogram),
            sign_ins: Family::default(),
        };
        metrics.register(|registry| {
            registry.register(
                "pingstack_sign_in_works",
                "1 if the operator's last sign-in at the stack worked, else 0; none before the first result",
                new.works.clone(),
            );
            registry.register(
                "pingstack_sign_in_code_seconds",
                "Time from the operator's request for a code to the code in the mail",
                new.code_seconds.clone(),
            );
            registry.register(
                "pingstack_sign_ins",
                "Sign-ins of the operator, by outcome: a reason of the condition SignInWorks",
                new.sign_ins.clone(),
            );
        });
        new
    }

    /// Counts a result. A limit says nothing of whether signing in works.
    pub(crate) fn record(&self, id: &StackId, result: &SignInResult) {
        for outcome in OUTCOMES {
            let counted = u64::from(outcome == result.reason());
            self.sign_ins.get_or_create(&with_outcome(id, outcome)).inc_by(counted);
        }
        if let Some(code_after) = result.code_after() {
            self.code_seconds.get_or_create(&labels(id)).observe(code_after.as_secs_f64());
        }
        if !result.outcome.as_ref().is_err_and(sign_in_check::Failure::is_limited) {
            self.works.get_or_create(&labels(id)).set(i64::from(result.outcome.is_ok()));
        }
    }

    /// Forgets a stack.
    pub(super) fn forget(&self, id: &StackId) {
        self.works.remove(&labels(id));
        self.code_seconds.remove(&labels(id));
        for outcome in OUTCOMES {
            self.sign_ins.remove(&with_outcome(id, outcome));
        }
    }
}

fn labels(id: &StackId) -> Labels {
    vec![("namespace", id.namespace.clone()), ("pingstack", id.name.clone())]
}

fn with_outcome(id: &StackId, outcome: &str) -> Labels {
    let mut labels = labels(id);
    labels.push(("outcome", outcome.to_owned()));
    labels
}
