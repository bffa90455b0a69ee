use std::sync::Arc;

use http::Method;
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Pod, Service},
};
use serde_json::{Value, from_value, json};
use test_kit::fake_api::FakeApi;

use super::{Present, mark, restrict, wrong};
use crate::fixtures::{self, brokers, stack_id};

/// The pod of a broker with this label, or without it.
fn pod(ordinal: usize, serving: Option<&str>) -> Value {
    let mut labels = json!({ "pingstack.dev/stack": "demo", "pingstack.dev/part": "rabbitmq" });
    if let Some(value) = serving {
        labels["pingstack.dev/serving"] = json!(value);
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": format!("demo-rabbitmq-{ordinal}"), "namespace": "team", "uid": format!("pod-{ordinal}"),
        "labels": labels,
    } })
}

fn pods(labels: &[Option<&str>]) -> Vec<Arc<Pod>> {
    let pods = labels.iter().enumerate().map(|(ordinal, serving)| pod(ordinal, *serving));
    pods.map(|pod| Arc::new(from_value(pod).unwrap())).collect()
}

fn stateful_set(labelled: bool, current: &str) -> StatefulSet {
    let labels = if labelled { json!({ "pingstack.dev/serving": "true" }) } else { json!({}) };
    from_value(json!({
        "metadata": { "generation": 2 },
        "spec": { "selector": {}, "serviceName": "x", "template": { "metadata": { "labels": labels } } },
        "status": {
            "replicas": 3, "observedGeneration": 2, "currentRevision": current, "updateRevision": "new",
        },
    }))
    .unwrap()
}

fn service(selector: &Value) -> Service {
    from_value(json!({ "metadata": { "name": "demo-rabbitmq" }, "spec": { "selector": selector } })).unwrap()
}

/// Whether the Service is applied with the label in its selector.
fn selects(service_before: Option<&Service>, set: Option<&StatefulSet>, pods: &[Arc<Pod>]) -> bool {
    let mut services = [service(&json!({ "a": "b", "pingstack.dev/serving": "true" }))];
    let service = service_before.cloned().map(Arc::new);
    let stateful_set = set.cloned().map(Arc::new);
    restrict(&mut services, &stack_id(), &Present { service, stateful_set, pods: pods.to_vec() });
    let selector = services[0].spec.as_ref().unwrap().selector.clone().unwrap();
    assert_eq!(selector["a"], "b");
    selector.contains_key("pingstack.dev/serving")
}

#[test]
fn a_new_stack_selects_by_the_label_from_the_beginning() {
    assert!(selects(None, None, &[]));
}

#[test]
fn an_older_stack_selects_by_the_label_only_once_every_pod_and_every_next_pod_has_it() {
    let before = service(&json!({ "a": "b" }));
    let old = pods(&[None, None, None]);
    let new = pods(&[Some("true"), Some("true"), Some("true")]);
    let half = pods(&[None, Some("true"), Some("true")]);
    assert!(!selects(Some(&before), Some(&stateful_set(false, "new")), &old), "not rolled yet");
    assert!(!selects(Some(&before), Some(&stateful_set(true, "old")), &half), "in the middle of the roll");
    assert!(!selects(Some(&before), Some(&stateful_set(true, "old")), &new), "the next could be an old one");
    assert!(!selects(Some(&before), Some(&stateful_set(true, "new")), &[]), "nobody is there");
    assert!(selects(Some(&before), Some(&stateful_set(true, "new")), &new), "rolled");
}

#[test]
fn a_service_that_selects_by_the_label_goes_on_until_a_pod_is_without_it() {
    let before = service(&json!({ "a": "b", "pingstack.dev/serving": "true" }));
    let rolling = stateful_set(true, "old");
    assert!(selects(Some(&before), Some(&rolling), &pods(&[Some("true"), Some("false")])));
    assert!(selects(Some(&before), Some(&rolling), &[]), "all were deleted");
    assert!(!selects(Some(&before), Some(&rolling), &pods(&[Some("true"), None])), "an older operator's pod");
}

fn changes(labels: &[Option<&str>], views: [&[usize]; 3]) -> Vec<(String, &'static str)> {
    let pods = pods(labels);
    let changes = wrong(&pods, &brokers(views)).into_iter();
    changes.map(|(pod, value)| (pod.metadata.name.clone().unwrap(), value)).collect()
}

const ALL: [Option<&str>; 3] = [Some("true"), Some("true"), Some("true")];

#[test]
fn a_node_that_is_proven_apart_loses_its_clients_and_gets_them_back_with_the_others() {
    assert_eq!(changes(&ALL, [&[0], &[1, 2], &[1, 2]]), [("demo-rabbitmq-0".to_owned(), "false")]);
    let taken = [Some("false"), Some("true"), Some("true")];
    assert_eq!(changes(&taken, [&[0], &[1, 2], &[1, 2]]), []);
    assert_eq!(changes(&taken, [&[], &[1, 2], &[1, 2]]), [], "away is not back");
    assert_eq!(
        changes(&taken, [&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]]),
        [("demo-rabbitmq-0".to_owned(), "true")]
    );
}

#[test]
fn a_node_that_is_away_or_not_proven_apart_keeps_its_clients() {
    assert_eq!(changes(&ALL, [&[], &[1, 2], &[1, 2]]), [], "away");
    assert_eq!(changes(&ALL, [&[0], &[1], &[]]), [], "no majority");
    assert_eq!(changes(&ALL, [&[0, 1], &[0, 1, 2], &[1, 2]]), [], "it sees one of them");
    assert_eq!(changes(&ALL, [&[], &[], &[]]), [], "nobody answers");
}

#[test]
fn a_pod_of_an_older_template_is_left_alone() {
    assert_eq!(changes(&[None, None, None], [&[0], &[1, 2], &[1, 2]]), []);
}

#[tokio::test]
async fn the_label_is_written_on_this_very_pod_and_on_no_other() {
    let api = FakeApi::default();
    for ordinal in 0..3 {
        let path = format!("/api/v1/namespaces/team/pods/demo-rabbitmq-{ordinal}");
        api.put(&path, pod(ordinal, Some("true")));
    }
    mark(&fixtures::context(&api), &stack_id(), &brokers([&[0], &[1, 2], &[1, 2]])).await;
    let written = api.take_requests("/pods/");
    let written = written.iter().filter(|sent| sent.method == Method::PATCH).collect::<Vec<_>>();
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].path, "/api/v1/namespaces/team/pods/demo-rabbitmq-0");
    let expected = json!({ "uid": "pod-0", "labels": { "pingstack.dev/serving": "false" } });
    assert_eq!(written[0].body["metadata"], expected);
}
