use std::time::Instant;

use k8s_openapi::jiff::Timestamp;
use kube::Resource as _;
use pingstack_crd::PingStack;
use serde_json::{Value, json};

use super::Target;
use crate::autoscaling::{
    refusal::Refusal,
    sample::{MAX_AGE, Sample, Samples, StackKey, Unreadable},
};

const METRIC_PATH: &str = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/pingstack_mail_backlog";

const OBJECT_PATH: &str = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/pingstacks.pingstack.dev/demo/pingstack_mail_backlog";

fn sample(messages: u64, asked: Instant) -> Sample {
    Sample { messages, consumers: 1, taken_at: Timestamp::new(1_767_323_045, 999_999_999).unwrap(), asked }
}

/// Two readable stacks in `shop`, one that is not in `back`.
fn samples(now: Instant) -> Samples {
    let samples = Samples::default();
    samples.record(StackKey::new("shop", "demo"), Ok(sample(42, now)));
    samples.record(StackKey::new("shop", "other"), Ok(sample(1, now)));
    samples.record(StackKey::new("back", "demo"), Err(Unreadable::Minority { online: 1, members: 3 }));
    samples
}

fn ask(path: &str, query: &str) -> Result<Value, Refusal> {
    let now = Instant::now();
    Target::of(path).answer(query, &samples(now), now)
}

#[test]
fn the_backlog_is_a_quantity_with_label_and_whole_seconds() {
    let answer = ask(METRIC_PATH, "labelSelector=pingstack%3Ddemo").unwrap();
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
    let answer = ask(OBJECT_PATH, "metricLabelSelector=").unwrap();
    let item = json!({
        "describedObject": {
            "apiVersion": PingStack::api_version(&()), "kind": "PingStack", "namespace": "shop", "name": "demo",
        },
        "metric": { "name": "pingstack_mail_backlog" },
        "timestamp": "2026-01-02T03:04:05Z",
        "value": "42",
    });
    let expected = json!({
        "kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {}, "items": [item],
    });
    assert_eq!(answer, expected);
    for (path, code) in [
        (OBJECT_PATH.replace("/shop/", "/back/"), 503),
        (OBJECT_PATH.replace("/demo/", "/nobody/"), 404),
        (OBJECT_PATH.replace("/demo/", "/*/"), 404),
        (OBJECT_PATH.replace("pingstack_mail_backlog", "length"), 404),
    ] {
        assert_eq!(ask(&path, "").unwrap_err().code, code, "{path}");
    }
}

#[test]
fn without_a_selector_every_stack_of_the_namespace_is_an_item() {
    assert_eq!(ask(METRIC_PATH, "").unwrap()["items"].as_array().unwrap().len(), 2);
}

#[test]
fn an_empty_queue_is_a_certain_zero() {
    let now = Instant::now();
    let samples = Samples::default();
    samples.record(StackKey::new("shop", "demo"), Ok(sample(0, now)));
    let answer = Target::of(METRIC_PATH).answer("", &samples, now).unwrap();
    assert_eq!(answer["items"][0]["value"], "0");
}

#[test]
fn a_stack_that_cannot_be_read_is_503_with_the_reason_in_words() {
    let refusal = ask(&METRIC_PATH.replace("shop", "back"), "labelSelector=pingstack%3Ddemo").unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (503, "ServiceUnavailable"));
    assert!(refusal.message.contains("only 1 of the queue's 3 members are up"), "{}", refusal.message);
    let status = refusal.status();
    assert_eq!(
        (&status["kind"], &status["status"], &status["code"]),
        (&json!("Status"), &json!("Failure"), &json!(503))
    );
}

#[test]
fn one_unreadable_stack_makes_the_sum_unknown() {
    let now = Instant::now();
    let samples = samples(now);
    samples.record(StackKey::new("shop", "other"), Err(Unreadable::QueueMissing));
    assert_eq!(Target::of(METRIC_PATH).answer("", &samples, now).unwrap_err().code, 503);
    assert!(Target::of(METRIC_PATH).answer("labelSelector=pingstack%3Ddemo", &samples, now).is_ok());
}

#[test]
fn a_stale_sample_is_503() {
    let now = Instant::now();
    let later = now + MAX_AGE + std::time::Duration::from_secs(1);
    let refusal =
        Target::of(METRIC_PATH).answer("labelSelector=pingstack%3Ddemo", &samples(now), later).unwrap_err();
    assert_eq!(refusal.code, 503);
}

#[test]
fn an_unknown_metric_namespace_or_stack_is_404_and_never_an_empty_list() {
    let unknown = [
        (METRIC_PATH.replace("pingstack_mail_backlog", "queue_length"), ""),
        (METRIC_PATH.replace("shop", "nowhere"), ""),
        (METRIC_PATH.to_owned(), "labelSelector=pingstack%3Dnobody"),
        (METRIC_PATH.to_owned(), "labelSelector=other%3Ddemo"),
    ];
    for (path, query) in unknown {
        let refusal = ask(&path, query).unwrap_err();
        assert_eq!((refusal.code, refusal.reason), (404, "NotFound"), "{path}?{query}");
    }
}

#[test]
fn a_malformed_selector_is_400_and_a_watch_405() {
    assert_eq!(ask(METRIC_PATH, "labelSelector=pingstack+in+demo").unwrap_err().code, 400);
    assert_eq!(ask(METRIC_PATH, "labelSelector=a&labelSelector=b").unwrap_err().code, 400);
    assert_eq!(ask(METRIC_PATH, "watch=true").unwrap_err().code, 405);
    assert!(ask(METRIC_PATH, "watch=false").is_ok());
}

#[test]
fn discovery_names_the_metric_and_other_paths_are_404() {
    insta::assert_json_snapshot!("groups", ask("/apis", "").unwrap());
    insta::assert_json_snapshot!("group", ask("/apis/external.metrics.k8s.io", "").unwrap());
    insta::assert_json_snapshot!(
        "resources",
        ask("/apis/external.metrics.k8s.io/v1beta1/", "timeout=32s").unwrap()
    );
    insta::assert_json_snapshot!(
        "resources_of_objects",
        ask("/apis/custom.metrics.k8s.io/v1beta2", "timeout=32s").unwrap()
    );
    let elsewhere = [
        "/",
        "/openapi/v2",
        "/apis/external.metrics.k8s.io/v1",
        "/apis/custom.metrics.k8s.io/v1beta1",
        "/apis/other",
        "/metrics",
        "/%ff",
    ];
    for path in elsewhere {
        assert_eq!(ask(path, "").unwrap_err().code, 404, "{path}");
    }
    for path in [
        format!("{METRIC_PATH}/x"),
        METRIC_PATH.replace("shop", ""),
        METRIC_PATH.replace("/shop", "/shop/x"),
        format!("{OBJECT_PATH}/x"),
        OBJECT_PATH.replace("shop", ""),
        OBJECT_PATH.replace("pingstacks.pingstack.dev", "pods"),
    ] {
        assert_eq!(ask(&path, "").unwrap_err().code, 404, "{path}");
    }
}

#[test]
fn a_metric_is_authorised_as_list_of_a_resource_and_discovery_is_for_everybody() {
    let attributes = Target::of(METRIC_PATH).attributes().unwrap();
    assert_eq!(attributes.resource.as_deref(), Some("pingstack_mail_backlog"));
    assert_eq!((attributes.namespace.as_deref(), attributes.verb.as_deref()), (Some("shop"), Some("list")));
    let of_object = Target::of(OBJECT_PATH).attributes().unwrap();
    assert_eq!(of_object.resource.as_deref(), Some("pingstacks.pingstack.dev"));
    assert_eq!(of_object.subresource.as_deref(), Some("pingstack_mail_backlog"));
    assert_eq!((of_object.name.as_deref(), of_object.verb.as_deref()), (Some("demo"), Some("get")));
    for path in
        ["/apis", "/apis/external.metrics.k8s.io", "/apis/external.metrics.k8s.io/v1beta1", "/openapi/v2"]
    {
        assert_eq!(Target::of(path).attributes(), None, "{path}");
    }
}
