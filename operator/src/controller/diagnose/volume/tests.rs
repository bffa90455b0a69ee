use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use super::{super::diagnose, is_awaited};
use crate::{
    controller::{findings::Problem, workload::Workload},
    fixtures,
    names::{Part, StackId},
};

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "demo-redis-0", "namespace": "team",
            "labels": { "pingstack.dev/stack": "demo", "pingstack.dev/part": "redis" },
        },
        "status": { "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims",
        }] },
    })
}

fn set(class: Option<&str>) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {
            "name": "demo-redis", "namespace": "team",
            "labels": { "app.kubernetes.io/managed-by": "ping-operator" },
        },
        "spec": {
            "selector": {}, "template": {}, "serviceName": "x",
            "volumeClaimTemplates": [{ "spec": { "storageClassName": class } }],
        },
    })
}

/// What is said of a Redis whose pod waits for a volume of `class`, with these Events about its claim.
async fn diagnosed(class: Option<&str>, events: &[&str]) -> Problem {
    let api = FakeApi::default();
    api.put("/api/v1/namespaces/team/pods/demo-redis-0", pod());
    api.put("/apis/apps/v1/namespaces/team/statefulsets/demo-redis", set(class));
    for (n, message) in events.iter().enumerate() {
        let event = json!({
            "metadata": { "name": n.to_string(), "namespace": "team" }, "involvedObject": {}, "message": message,
            "lastTimestamp": format!("2026-01-01T00:00:0{n}Z"),
        });
        api.put(&format!("/api/v1/namespaces/team/events/{n}"), event);
    }
    let id = StackId { namespace: "team".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
    let workload = Workload { desired: 1, pods: 1, ..Workload::default() };
    let problem = diagnose(&fixtures::context(&api), &id, Part::Redis, &workload).await.unwrap();
    let asked = api.take_requests("/events");
    let about = "involvedObject.kind%3DPersistentVolumeClaim%2CinvolvedObject.name%3Ddata-demo-redis-0";
    assert!(asked[0].query.contains(about), "{asked:?}");
    problem
}

#[tokio::test]
async fn a_class_that_does_not_exist_is_named_with_its_cause_and_the_way_out() {
    let cause = r#"storageclass.storage.k8s.io "fast" not found"#;
    let problem = diagnosed(Some("fast"), &["an older warning", cause]).await;
    assert_eq!(problem.reason, "VolumePending");
    assert_eq!(
        problem.message,
        format!(
            "pod demo-redis-0 waits for a volume of the StorageClass fast: {cause}. Once that class exists and has room, \
             the pod starts by itself. storage.storageClassName cannot be changed: to use another class, delete the stack \
             (kubectl -n team delete pingstack demo --cascade=foreground), then its claims with the data in them (kubectl \
             -n team delete pvc -l pingstack.dev/stack=demo), and create it again"
        )
    );
}

#[tokio::test]
async fn a_missing_default_class_is_told_from_a_class_that_was_named() {
    let problem = diagnosed(None, &[]).await;
    let start =
        "pod demo-redis-0 waits for a volume of the cluster's default StorageClass: 0/1 nodes are available";
    assert!(problem.message.starts_with(start), "{}", problem.message);
}

#[test]
fn a_volume_that_does_not_exist_yet_is_told_from_a_node_that_is_missing() {
    for awaited in [
        "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: …",
        r#"0/1 nodes are available: persistentvolumeclaim "data-demo-redis-0" not found"#,
        r#"running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded"#,
    ] {
        assert!(is_awaited(awaited), "{awaited}");
    }
    for other in [
        "0/1 nodes are available: 1 Insufficient memory",
        "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity",
        r#"persistentvolumeclaim "data-demo-redis-0" bound to non-existent persistentvolume "pv""#,
    ] {
        assert!(!is_awaited(other), "{other}");
    }
}
