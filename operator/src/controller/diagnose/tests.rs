use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, from_value, json};

use super::{of_pod, refusal};

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
fn a_pod_without_its_volume_is_told_from_one_without_a_node() {
    let unscheduled = |message: &str| {
        let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message });
        of_pod(&pod(&json!({ "conditions": [condition] }))).unwrap().reason
    };
    assert_eq!(unscheduled("pod has unbound immediate PersistentVolumeClaims"), "VolumePending");
    assert_eq!(unscheduled("0/1 nodes are available: 1 Insufficient memory"), "Unschedulable");
}

#[test]
fn a_quota_is_told_from_another_refusal() {
    assert_eq!(refusal("pods is forbidden: exceeded quota: q").reason, "QuotaExceeded");
    assert_eq!(refusal("violates PodSecurity").reason, "PodsRefused");
}
