use std::sync::Arc;

use http::{Method, StatusCode};
use k8s_openapi::{
    api::{apps::v1::StatefulSet, core::v1::Pod},
    jiff::Timestamp,
};
use serde_json::{Value, from_value, json};
use test_kit::fake_api::{FakeApi, Sent};

use super::{blocking, delete};
use crate::fixtures::{self, stack_id};

const PODS: &str = "/api/v1/namespaces/team/pods";

/// What the kubelet says of a pod.
#[derive(Clone, Copy)]
enum State {
    Pending,
    CrashLoop,
    /// Its container runs since this second, and it is not ready.
    Starting(i64),
    Ready,
}

use State::{CrashLoop, Pending, Ready, Starting};

/// A set whose pods shall be of revision `new`, and whose controller has counted `pods`.
fn set(part: &str, pods: &[Value]) -> Value {
    let current = pods.iter().filter(|pod| {
        let metadata = &pod["metadata"];
        metadata["labels"]["controller-revision-hash"] == "new" && metadata["deletionTimestamp"].is_null()
    });
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": format!("demo-{part}"), "namespace": "team", "uid": "set", "generation": 3 },
        "spec": { "replicas": pods.len(), "selector": {}, "template": {}, "serviceName": "x" },
        "status": {
            "replicas": pods.len(), "updatedReplicas": current.count(), "observedGeneration": 3,
            "currentRevision": "old", "updateRevision": "new",
        },
    })
}

fn pod(part: &str, ordinal: usize, revision: &str, state: State) -> Value {
    let container = |ready: bool, state: Value| {
        json!({ "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }],
            "containerStatuses": [{
                "name": part, "image": "x", "imageID": "", "ready": ready, "restartCount": 0, "state": state,
            }] })
    };
    let running = |second: i64| {
        let since = Timestamp::from_second(second).unwrap();
        json!({ "running": { "startedAt": since.to_string() } })
    };
    let status = match state {
        Pending => json!({ "phase": "Pending" }),
        CrashLoop => container(false, json!({ "waiting": { "reason": "CrashLoopBackOff" } })),
        Starting(second) => container(false, running(second)),
        Ready => container(true, running(0)),
    };
    let name = format!("demo-{part}-{ordinal}");
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "team", "uid": format!("uid of {name}"),
            "labels": {
                "controller-revision-hash": revision,
                "pingstack.dev/stack": "demo", "pingstack.dev/part": part,
            },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "x", "uid": "set" }],
        },
        "status": status,
    })
}

fn terminating(mut pod: Value) -> Value {
    pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    pod
}

/// The pod that is deleted at second 100.
fn judged(set: &Value, pods: &[Value]) -> Option<String> {
    let set = from_value::<StatefulSet>(set.clone()).unwrap();
    let pods = pods.iter().map(|pod| Arc::new(from_value::<Pod>(pod.clone()).unwrap())).collect::<Vec<_>>();
    blocking(&set, &pods, Timestamp::from_second(100).unwrap()).and_then(|pod| pod.metadata.name.clone())
}

/// The same, with a controller that has counted.
fn brokers<const N: usize>(pods: [(&str, State); N]) -> Option<String> {
    let pods = pods.iter().enumerate().map(|(n, (revision, state))| pod("rabbitmq", n, revision, *state));
    let pods = pods.collect::<Vec<_>>();
    judged(&set("rabbitmq", &pods), &pods)
}

fn redis(revision: &str, state: State) -> Option<String> {
    let pods = [pod("redis", 0, revision, state)];
    judged(&set("redis", &pods), &pods)
}

#[test]
fn a_redis_that_is_not_ready_and_of_an_old_template_is_deleted() {
    for state in [Pending, CrashLoop, Starting(99)] {
        assert_eq!(redis("old", state).as_deref(), Some("demo-redis-0"));
    }
}

#[test]
fn a_ready_pod_is_never_deleted() {
    assert_eq!(redis("old", Ready), None);
    assert_eq!(brokers([("old", Ready), ("old", Ready), ("old", Ready)]), None);
}

#[test]
fn a_broken_pod_of_the_current_template_is_left_alone() {
    for state in [Pending, CrashLoop, Starting(0)] {
        assert_eq!(redis("new", state), None);
    }
}

#[test]
fn a_pod_that_was_ready_and_then_ran_out_of_memory_is_deleted() {
    let mut crashed = pod("redis", 0, "old", CrashLoop);
    crashed["status"]["containerStatuses"][0]["lastState"] =
        json!({ "terminated": { "reason": "OOMKilled", "exitCode": 137 } });
    assert_eq!(judged(&set("redis", &[crashed.clone()]), &[crashed]).as_deref(), Some("demo-redis-0"));
    assert_eq!(
        brokers([("new", Ready), ("new", Ready), ("old", CrashLoop)]).as_deref(),
        Some("demo-rabbitmq-2")
    );
}

#[test]
fn nothing_is_deleted_before_the_controller_has_seen_the_spec_and_counted_the_pods() {
    let pods = [pod("redis", 0, "old", Pending)];
    for (pointer, value) in [
        ("/status/observedGeneration", json!(2)),
        ("/status/replicas", json!(0)),
        ("/status/updatedReplicas", json!(1)),
        ("/status", Value::Null),
    ] {
        let mut set = set("redis", &pods);
        *set.pointer_mut(pointer).unwrap() = value;
        assert_eq!(judged(&set, &pods), None, "{pointer}");
    }
}

#[test]
fn a_set_that_is_being_deleted_and_pods_of_others_are_left_alone() {
    let pods = [pod("redis", 0, "old", Pending)];
    let mut ending = set("redis", &pods);
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(judged(&ending, &pods), None);
    let mut foreign = pods.clone();
    foreign[0]["metadata"]["ownerReferences"] = json!([]);
    let mut set = set("redis", &pods);
    set["status"]["replicas"] = json!(0);
    assert_eq!(judged(&set, &foreign), None);
}

#[test]
fn brokers_that_do_not_run_go_one_by_one_from_the_last() {
    assert_eq!(
        brokers([("old", Pending), ("old", Pending), ("old", CrashLoop)]).as_deref(),
        Some("demo-rabbitmq-2")
    );
    let two_left = [("old", Pending), ("old", Pending), ("new", Starting(99))];
    assert_eq!(brokers(two_left).as_deref(), Some("demo-rabbitmq-1"));
    let one_left = [("old", Pending), ("new", Pending), ("new", Starting(99))];
    assert_eq!(brokers(one_left).as_deref(), Some("demo-rabbitmq-0"));
}

#[test]
fn a_pod_that_ends_already_is_not_deleted_again() {
    let pods = [pod("rabbitmq", 0, "old", Ready), terminating(pod("rabbitmq", 1, "old", CrashLoop))];
    assert_eq!(judged(&set("rabbitmq", &pods), &pods), None);
}

#[test]
fn a_starting_broker_is_deleted_at_once_only_if_the_others_are_a_majority() {
    let others_serve = [("old", Starting(99)), ("new", Ready), ("new", Ready)];
    assert_eq!(brokers(others_serve).as_deref(), Some("demo-rabbitmq-0"));
    assert_eq!(brokers([("old", Starting(99)), ("new", Starting(99)), ("new", Ready)]), None);
    let only_one = [("old", Starting(99))];
    assert_eq!(brokers(only_one).as_deref(), Some("demo-rabbitmq-0"));
}

#[test]
fn a_starting_broker_without_a_majority_is_deleted_after_a_minute_and_while_no_other_one_ends() {
    let overdue = [("old", Starting(30)), ("old", Starting(30)), ("new", Ready)];
    assert_eq!(brokers(overdue).as_deref(), Some("demo-rabbitmq-1"));
    let pods = [
        pod("rabbitmq", 0, "old", Starting(30)),
        terminating(pod("rabbitmq", 1, "old", Starting(30))),
        pod("rabbitmq", 2, "new", Ready),
    ];
    assert_eq!(judged(&set("rabbitmq", &pods), &pods), None);
}

/// One pass over what `api` holds, and the requests to delete pods.
async fn deleted(api: &FakeApi, pods: &[Value]) -> Vec<Sent> {
    let context = fixtures::context(api);
    let set = Arc::new(from_value(set("redis", pods)).unwrap());
    delete(&context, &stack_id(), &[set]).await.unwrap();
    api.take_requests("").into_iter().filter(|sent| sent.method != Method::GET).collect()
}

#[tokio::test]
async fn a_blocking_pod_is_deleted_in_the_state_that_was_judged_and_an_event_says_so() {
    let api = FakeApi::default();
    let path = format!("{PODS}/demo-redis-0");
    let pods = [pod("redis", 0, "old", Pending)];
    api.put(&path, pods[0].clone());
    let version = api.get(&path).unwrap()["metadata"]["resourceVersion"].clone();
    let sent = deleted(&api, &pods).await;
    assert_eq!((&sent[0].method, sent[0].path.as_str()), (&Method::DELETE, path.as_str()));
    let preconditions = json!({ "uid": "uid of demo-redis-0", "resourceVersion": version });
    assert_eq!(sent[0].body["preconditions"], preconditions);
    assert_eq!(sent[1].body["reason"], "BlockingPodDeleted");
    assert_eq!(api.get(&path), None);
}

#[tokio::test]
async fn a_pod_that_changed_in_the_meantime_is_judged_again_in_the_next_pass() {
    let api = FakeApi::default();
    let path = format!("{PODS}/demo-redis-0");
    let pods = [pod("redis", 0, "old", Pending)];
    api.put(&path, pods[0].clone());
    api.fail(Method::DELETE, &path, StatusCode::CONFLICT);
    let sent = deleted(&api, &pods).await;
    assert_eq!(sent.len(), 1, "no event: {sent:?}");
}
