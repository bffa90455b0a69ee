use std::sync::Arc;

use http::Method;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use serde_json::{Value, from_value, json};
use test_kit::fake_api::FakeApi;

use super::{ApartSince, apart, restart};
use crate::fixtures::{self, members, stack_id};

fn pod(ordinal: usize, uid: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": format!("demo-rabbitmq-{ordinal}"), "namespace": "team", "uid": uid,
        "labels": { "pingstack.dev/stack": "demo", "pingstack.dev/part": "rabbitmq" },
    } })
}

fn pods(pods: &[Value]) -> Vec<Arc<Pod>> {
    pods.iter().map(|pod| Arc::new(from_value(pod.clone()).unwrap())).collect()
}

const SPLIT: [&[usize]; 3] = [&[0], &[1, 2], &[1, 2]];
const UNITED: [&[usize]; 3] = [&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]];

/// What is overdue in passes at these seconds: the pod's uid and what the brokers report.
fn passes<const N: usize>(passes: [(i64, &str, [&[usize]; 3]); N]) -> [bool; N] {
    let memory = ApartSince::default();
    passes.map(|(second, uid, views)| {
        let pods = pods(&[pod(0, uid), pod(1, "1"), pod(2, "2")]);
        let now = Timestamp::from_second(second).unwrap();
        !memory.overdue("stack", &apart(&pods, &members(views)), now).is_empty()
    })
}

#[test]
fn a_broker_is_restarted_only_after_it_was_apart_for_half_a_minute() {
    assert_eq!(passes([(0, "a", SPLIT), (30, "a", SPLIT), (31, "a", SPLIT)]), [false, false, true]);
}

#[test]
fn a_broker_that_was_a_member_meanwhile_has_its_time_again() {
    let between = [(0, "a", SPLIT), (20, "a", UNITED), (40, "a", SPLIT), (60, "a", SPLIT)];
    assert_eq!(passes(between), [false; 4]);
}

#[test]
fn a_new_pod_has_its_time_again() {
    assert_eq!(passes([(0, "a", SPLIT), (31, "b", SPLIT), (62, "b", SPLIT)]), [false, false, true]);
}

#[test]
fn a_pod_that_terminates_is_not_deleted_again() {
    let mut ending = pod(0, "a");
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert!(apart(&pods(&[ending]), &members(SPLIT)).is_empty());
}

/// One pass over three pods of which the first was apart for a long time: the requests that change something.
async fn changes(views: [&[usize]; 3]) -> Vec<(Method, String, Value)> {
    let api = FakeApi::default();
    for ordinal in 0..3 {
        let path = format!("/api/v1/namespaces/team/pods/demo-rabbitmq-{ordinal}");
        api.put(&path, pod(ordinal, &format!("pod-{ordinal}")));
    }
    let context = fixtures::context(&api);
    let long_ago = pods(&[pod(0, "pod-0")]);
    let long_ago = long_ago.iter().map(Arc::as_ref).collect::<Vec<_>>();
    context.brokers_apart.overdue(&stack_id().uid, &long_ago, Timestamp::UNIX_EPOCH);
    restart(&context, &stack_id(), &members(views)).await.unwrap();
    let sent = api.take_requests("").into_iter().filter(|sent| sent.method != Method::GET);
    sent.map(|sent| (sent.method, sent.path, sent.body)).collect()
}

#[tokio::test]
async fn the_pod_of_the_smaller_side_is_deleted_and_an_event_says_so() {
    let changes = changes(SPLIT).await;
    let (method, path, body) = &changes[0];
    assert_eq!((method, path.as_str()), (&Method::DELETE, "/api/v1/namespaces/team/pods/demo-rabbitmq-0"));
    assert_eq!(body["preconditions"], json!({ "uid": "pod-0" }));
    let (_, _, event) = &changes[1];
    assert_eq!((&event["reason"], &event["type"]), (&json!("BrokerRestarted"), &json!("Warning")));
    assert_eq!(changes.len(), 2);
}

#[tokio::test]
async fn no_pod_is_deleted_while_the_brokers_are_one_cluster() {
    assert_eq!(changes(UNITED).await, []);
}
