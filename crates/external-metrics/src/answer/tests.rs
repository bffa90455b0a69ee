use serde_json::{Value, json};

use super::Target;
use crate::{provider::ExternalMetricsProvider as _, refusal::Refusal, test_provider::Queues};

const METRIC_PATH: &str = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/queue_length";

const OBJECT_PATH: &str =
    "/apis/custom.metrics.k8s.io/v1beta2/namespaces/shop/queues.example.org/demo/queue_length";

fn ask(path: &str, query: &str) -> Result<Value, Refusal> {
    ask_for(&Queues::three(), path, query)
}

fn ask_for(queues: &Queues, path: &str, query: &str) -> Result<Value, Refusal> {
    target(path, queues).answer(query, queues)
}

fn target(path: &str, queues: &Queues) -> Target {
    Target::of(path, queues.objects())
}

#[test]
fn a_value_is_a_quantity_with_labels_and_whole_seconds() {
    let answer = ask(METRIC_PATH, "labelSelector=queue%3Ddemo").unwrap();
    let expected = json!({
        "kind": "ExternalMetricValueList",
        "apiVersion": "external.metrics.k8s.io/v1beta1",
        "metadata": {},
        "items": [{
            "metricName": "queue_length",
            "metricLabels": { "queue": "demo" },
            "timestamp": "2026-01-02T03:04:05Z",
            "value": "42",
        }],
    });
    assert_eq!(answer, expected);
}

#[test]
fn the_metric_of_an_object_is_one_item_that_names_it() {
    let answer = ask(OBJECT_PATH, "metricLabelSelector=").unwrap();
    let item = json!({
        "describedObject": {
            "apiVersion": "example.org/v1", "kind": "Queue", "namespace": "shop", "name": "demo",
        },
        "metric": { "name": "queue_length" },
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
        (OBJECT_PATH.replace("queue_length", "size"), 404),
    ] {
        assert_eq!(ask(&path, "").unwrap_err().code, code, "{path}");
    }
}

#[test]
fn without_a_selector_every_series_of_the_namespace_is_an_item() {
    assert_eq!(ask(METRIC_PATH, "").unwrap()["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_zero_is_a_number_like_any_other() {
    let queues = Queues::default();
    queues.set("shop/demo", Ok(0));
    let answer = ask_for(&queues, METRIC_PATH, "").unwrap();
    assert_eq!(answer["items"][0]["value"], "0");
}

#[test]
fn a_series_without_a_sample_is_503_with_the_reason_in_words() {
    let refusal = ask(&METRIC_PATH.replace("shop", "back"), "labelSelector=queue%3Ddemo").unwrap_err();
    assert_eq!((refusal.code, refusal.reason), (503, "ServiceUnavailable"));
    assert_eq!(refusal.message, "nobody knows the length of demo");
    let status = refusal.status();
    assert_eq!(
        (&status["kind"], &status["status"], &status["code"]),
        (&json!("Status"), &json!("Failure"), &json!(503))
    );
}

#[test]
fn one_series_without_a_sample_makes_the_sum_unknown() {
    let queues = Queues::three();
    queues.set("shop/other", Err("it is away".to_owned()));
    assert_eq!(ask_for(&queues, METRIC_PATH, "").unwrap_err().code, 503);
    assert!(ask_for(&queues, METRIC_PATH, "labelSelector=queue%3Ddemo").is_ok());
}

#[test]
fn an_unknown_metric_namespace_or_label_is_404_and_never_an_empty_list() {
    let unknown = [
        (METRIC_PATH.replace("queue_length", "size"), ""),
        (METRIC_PATH.replace("shop", "nowhere"), ""),
        (METRIC_PATH.to_owned(), "labelSelector=queue%3Dnobody"),
        (METRIC_PATH.to_owned(), "labelSelector=other%3Ddemo"),
    ];
    for (path, query) in unknown {
        let refusal = ask(&path, query).unwrap_err();
        assert_eq!((refusal.code, refusal.reason), (404, "NotFound"), "{path}?{query}");
    }
}

#[test]
fn a_malformed_selector_is_400_and_a_watch_405() {
    assert_eq!(ask(METRIC_PATH, "labelSelector=queue+in+demo").unwrap_err().code, 400);
    assert_eq!(ask(METRIC_PATH, "labelSelector=a&labelSelector=b").unwrap_err().code, 400);
    assert_eq!(ask(METRIC_PATH, "watch=true").unwrap_err().code, 405);
    assert!(ask(METRIC_PATH, "watch=false").is_ok());
}

#[test]
fn discovery_names_the_metric_and_other_paths_are_404() {
    let served = |queues: &Queues| ask_for(queues, "/apis", "").unwrap()["groups"].as_array().unwrap().len();
    assert_eq!((served(&Queues::three()), served(&Queues::default())), (2, 1));
    assert_eq!(ask("/apis/external.metrics.k8s.io", "").unwrap()["name"], "external.metrics.k8s.io");
    let name = |path: &str| ask(path, "timeout=32s").unwrap()["resources"][0]["name"].clone();
    assert_eq!(name("/apis/external.metrics.k8s.io/v1beta1/"), "queue_length");
    assert_eq!(name("/apis/custom.metrics.k8s.io/v1beta2"), "queues.example.org/queue_length");
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
        OBJECT_PATH.replace("queues.example.org", "pods"),
    ] {
        assert_eq!(ask(&path, "").unwrap_err().code, 404, "{path}");
    }
}

#[test]
fn a_metric_is_authorised_as_list_of_a_resource_and_discovery_is_for_everybody() {
    let queues = Queues::three();
    let attributes = target(METRIC_PATH, &queues).attributes().unwrap();
    assert_eq!(attributes.resource.as_deref(), Some("queue_length"));
    assert_eq!((attributes.namespace.as_deref(), attributes.verb.as_deref()), (Some("shop"), Some("list")));
    let of_object = target(OBJECT_PATH, &queues).attributes().unwrap();
    assert_eq!(of_object.resource.as_deref(), Some("queues.example.org"));
    assert_eq!(of_object.subresource.as_deref(), Some("queue_length"));
    assert_eq!((of_object.name.as_deref(), of_object.verb.as_deref()), (Some("demo"), Some("get")));
    for path in
        ["/apis", "/apis/external.metrics.k8s.io", "/apis/external.metrics.k8s.io/v1beta1", "/openapi/v2"]
    {
        assert_eq!(target(path, &queues).attributes(), None, "{path}");
    }
}

#[test]
fn without_objects_there_are_no_custom_metrics() {
    let mut queues = Queues::three();
    queues.are_objects = false;
    for path in [OBJECT_PATH, "/apis/custom.metrics.k8s.io/v1beta2", "/apis/custom.metrics.k8s.io"] {
        assert_eq!(ask_for(&queues, path, "").unwrap_err().code, 404, "{path}");
    }
}
