//! The metrics of every room, beside what the documentation says of them.

use std::time::{Duration, Instant};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use service_kit::metrics::Metrics;
use sign_in_check::SignedIn;

use crate::{
    autoscaling::sample::{Sample, Samples, StackKey, metrics::register},
    conditions::{ConditionType, Finding, stamp},
    metrics::OperatorMetrics,
    names::StackId,
    synthetic_login::{SignInMetrics, result::SignInResult},
};

// In a runtime, whose tasks are counted too.
#[tokio::test]
async fn the_table_in_the_docs_is_that_of_the_registry() {
    let registry = Metrics::new("ping-operator", "0");
    let metrics = OperatorMetrics::new(&registry);
    metrics.watch_failed("Secret", &std::fmt::Error);
    let id = StackId { namespace: "shop".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
    let ready = vec![Finding::good(ConditionType::Ready, "Ready", "")];
    let result = SignInResult {
        at: Timestamp::UNIX_EPOCH,
        outcome: Ok(SignedIn { code_after: Duration::from_secs(1) }),
        request: None,
    };
    SignInMetrics::new(&registry).record(&id, &result);
    metrics.conditions.set(&id, &stamp(ready, &[], None, &Time(Timestamp::UNIX_EPOCH)), &[]);
    let samples = Samples::default();
    let sample = Sample { messages: 3, consumers: 1, taken_at: Timestamp::UNIX_EPOCH, asked: Instant::now() };
    samples.record(StackKey::new("shop", "demo"), Ok(sample));
    register(&registry, samples);
    test_kit::documents::assert_metrics("ping-operator", &registry.encode(), &format!("{registry:?}"));
}
