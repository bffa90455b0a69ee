use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, from_value, json};

use super::{of_pod, refusal};
use crate::controller::workload::Refused;

fn pod(status: &Value) -> Pod {
    from_value(json!({ "metadata": { "name": "demo-x-0", "namespace": "team" }, "status": status })).unwrap()
}

fn waiting(reason: &str) -> Pod {
    pod(&json!({ "containerStatuses": [{
        "name": "x", "image": "registry/x:1", "imageID": "", "ready": false, "restartCount": 1,
        "state": { "waiting": { "reason": reason, "message": "said so" } },
    }] }))
}

#[test]
fn an_image_that_cannot_be_pulled_is_named() {
    for reason in ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"] {
        let problem = of_pod(&waiting(reason)).unwrap();
        assert_eq!(problem.reason, "ImagePull");
        assert!(problem.message.contains("registry/x:1"), "{}", problem.message);
    }
}

#[test]
fn a_crashing_pod_points_at_its_log() {
    let problem = of_pod(&waiting("CrashLoopBackOff")).unwrap();
    assert!(problem.message.ends_with("kubectl logs -n team demo-x-0 --previous"), "{}", problem.message);
}

#[test]
fn a_pod_that_only_starts_has_no_problem() {
    assert_eq!(of_pod(&waiting("ContainerCreating")), None);
    assert_eq!(of_pod(&pod(&json!({}))), None);
}

#[test]
fn a_pod_without_a_node_repeats_the_scheduler_and_points_at_a_volume_that_ties_it() {
    let problem = |said: &str| {
        let condition =
            json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said });
        of_pod(&pod(&json!({ "conditions": [condition] }))).unwrap()
    };
    let memory = problem("0/1 nodes are available: 1 Insufficient memory");
    let message = "no node takes pod demo-x-0: 0/1 nodes are available: 1 Insufficient memory";
    assert_eq!((memory.reason, memory.message.as_str()), ("Unschedulable", message));
    let tied = problem(
        "0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match PersistentVolume's node affinity",
    );
    assert!(
        tied.message.ends_with("its volume keeps it from other nodes, see docs/nodes.md"),
        "{}",
        tied.message
    );
}

#[test]
fn a_quota_is_told_from_another_refusal() {
    let refused = |message: &str| refusal(&Refused { message: message.to_owned(), since: None }).reason;
    assert_eq!(refused("pods is forbidden: exceeded quota: q"), "QuotaExceeded");
    assert_eq!(refused("violates PodSecurity"), "PodsRefused");
}

/// A pod that is not ready since 10:00:30, with a container that runs and was restarted.
fn restarted(restarts: i32, last_run_ended: &str) -> Pod {
    pod(&json!({
        "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": "2026-11-01T10:00:30Z" }],
        "containerStatuses": [{
            "name": "x", "image": "registry/x:1", "imageID": "", "ready": false, "restartCount": restarts,
            "state": { "running": {} },
            "lastState": { "terminated": {
                "exitCode": 1, "startedAt": "2026-11-01T10:00:00Z", "finishedAt": last_run_ended,
            } },
        }],
    }))
}

#[test]
fn between_two_crashes_a_pod_is_still_one_that_crashes() {
    let problem = of_pod(&restarted(2, "2026-11-01T10:00:30Z")).unwrap();
    assert_eq!(problem.reason, "Crashing");
    assert_eq!(problem.since, Some("2026-11-01T10:00:30Z".parse().unwrap()));
    assert_eq!(of_pod(&restarted(1, "2026-11-01T10:00:30Z")), None, "it was restarted once");
    assert_eq!(of_pod(&restarted(2, "2026-11-01T11:00:00Z")), None, "its last run was long");
}

#[test]
fn a_problem_is_as_old_as_the_condition_that_shows_it() {
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient memory",
        "lastTransitionTime": "2026-11-01T10:00:00Z",
    });
    let problem = of_pod(&pod(&json!({ "conditions": [condition] }))).unwrap();
    assert_eq!(problem.since, Some("2026-11-01T10:00:00Z".parse().unwrap()));
    assert_eq!(of_pod(&waiting("ImagePullBackOff")).unwrap().since, None, "the pod says no time");
}
