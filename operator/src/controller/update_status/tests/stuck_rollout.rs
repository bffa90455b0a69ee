//! A rollout to an image that cannot be pulled, from what the cluster has to what the status says.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use pingstack_crd::{PingStack, services::AutoscalingProvider};
use serde_json::{Value, from_value, json};
use test_kit::fake_api::FakeApi;

use crate::{
    controller::{
        apply::Outcome,
        topology::{Queues, TopologyState},
        update_status::{after_apply, update_status},
        validate::validate,
    },
    fixtures::{self, MINIMAL},
    names::StackId,
};

const PATH: &str = "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo";

/// A pod of user-service whose image cannot be pulled, since a moment of the past.
fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "demo-user-service-new", "namespace": "team", "uid": "new",
            "labels": { "pingstack.dev/stack": "demo", "pingstack.dev/part": "user-service" },
        },
        "spec": { "containers": [{ "name": "user-service", "image": "registry/user-service:none" }] },
        "status": {
            "phase": "Pending",
            "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": "2026-11-01T10:00:00Z" }],
            "containerStatuses": [{
                "name": "user-service", "image": "registry/user-service:none", "imageID": "", "ready": false,
                "restartCount": 0,
                "state": { "waiting": { "reason": "ImagePullBackOff", "message": "Back-off pulling image" } },
            }],
        },
    })
}

fn deployment(name: &str, counts: [i32; 4]) -> Arc<Deployment> {
    let [desired, pods, updated, available] = counts;
    let object = json!({
        "metadata": { "name": name, "generation": 1 },
        "spec": { "replicas": desired, "selector": {}, "template": {} },
        "status": {
            "replicas": pods, "updatedReplicas": updated, "availableReplicas": available, "observedGeneration": 1,
        },
    });
    Arc::new(from_value(object).unwrap())
}

fn stateful_set(name: &str) -> Arc<StatefulSet> {
    let object = json!({
        "metadata": { "name": name, "generation": 1 },
        "spec": { "replicas": 1, "selector": {}, "template": {}, "serviceName": name },
        "status": { "replicas": 1, "availableReplicas": 1, "observedGeneration": 1 },
    });
    Arc::new(from_value(object).unwrap())
}

fn outcome(user_service: [i32; 4]) -> Outcome {
    let queues = Queues { wanted_members: Some(1), fewest_members: Some(1), ..Queues::default() };
    Outcome {
        stateful_sets: vec![stateful_set("demo-redis"), stateful_set("demo-rabbitmq")],
        deployments: vec![
            deployment("demo-user-service", user_service),
            deployment("demo-mail-service", [1, 1, 1, 1]),
        ],
        topology: TopologyState::Applied(queues),
        ..Outcome::default()
    }
}

/// Status and reason of a condition in the stored object.
fn condition(stack: &PingStack, type_: &str) -> Option<(String, String, String)> {
    let conditions = &stack.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((found.status.clone(), found.reason.clone(), found.message.clone()))
}

async fn reconcile(api: &FakeApi, outcome: &Outcome) -> PingStack {
    let context = fixtures::context(api);
    let stack: PingStack = from_value(api.get(PATH).unwrap()).unwrap();
    let validated = validate(&stack, fixtures::references()).unwrap();
    let known = after_apply(&context, &stack, &validated, outcome).await;
    update_status(&context, &StackId::of(&stack.metadata).unwrap(), &stack, known).await.unwrap();
    from_value(api.get(PATH).unwrap()).unwrap()
}

#[tokio::test]
async fn it_is_stalled_with_a_warning_at_once_while_the_old_pods_serve_and_gone_after_the_change_is_undone() {
    let api = FakeApi::default();
    let mut stack = fixtures::stack(MINIMAL);
    stack.metadata.name = Some("demo".to_owned());
    stack.spec.mail_service.autoscaling.provider = AutoscalingProvider::None;
    api.put(PATH, serde_json::to_value(&stack).unwrap());
    let at_rest = reconcile(&api, &outcome([2, 2, 2, 2])).await;
    assert_eq!(condition(&at_rest, "Ready").unwrap().0, "True");
    assert_eq!(condition(&at_rest, "Stalled").or(condition(&at_rest, "Reconciling")), None);
    api.forget_requests();

    api.put("/api/v1/namespaces/team/pods/demo-user-service-new", pod());
    let blocked = reconcile(&api, &outcome([2, 3, 1, 2])).await;
    assert_eq!(condition(&blocked, "Ready").unwrap().0, "True");
    assert_eq!(condition(&blocked, "Reconciling"), None);
    let (status, reason, message) = condition(&blocked, "Stalled").unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("True", "ImagePull"));
    for part in ["user-service: 2 of 2 pods serve", "registry/user-service:none", "Back-off pulling image"] {
        assert!(message.contains(part), "{message}");
    }
    let events = api.take_requests("/events").into_iter().map(|sent| sent.body).collect::<Vec<_>>();
    assert!(!events.is_empty() && events.iter().all(|event| event["type"] == "Warning"), "{events:?}");

    api.remove("/api/v1/namespaces/team/pods/demo-user-service-new");
    let undone = reconcile(&api, &outcome([2, 2, 2, 2])).await;
    assert_eq!(condition(&undone, "Stalled").or(condition(&undone, "Reconciling")), None);
    assert_eq!(condition(&undone, "UserServiceReady").unwrap().1, "Available");
}
