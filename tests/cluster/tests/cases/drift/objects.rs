//! Drift of Kubernetes objects.

use cluster::{Case, deadline, wait::seen};
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use serde_json::{Value, json};

#[tokio::test]
async fn every_deleted_child_comes_back_with_an_event() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let counts = [
            demo.recreate_all::<ServiceAccount>().await,
            demo.recreate_all::<ConfigMap>().await,
            demo.recreate_all::<Service>().await,
            demo.recreate_all::<NetworkPolicy>().await,
            demo.recreate_all::<PodDisruptionBudget>().await,
            demo.recreate_all::<Deployment>().await,
            demo.recreate_all::<StatefulSet>().await,
        ];
        assert!(counts.iter().all(|count| *count > 0), "a kind has no object: {counts:?}");
        // The status follows a moment later, so it may still say ready.
        demo.wait_parts().await;
        demo.wait_ready().await;
        for gone in ["Deployment demo-user-service", "StatefulSet demo-rabbitmq", "NetworkPolicy demo-redis"]
        {
            case.wait_event("Restored", &format!("the {gone} had been deleted"), deadline::MAIL).await;
        }
        demo.user("ada@example.org").sign_in_eventually().await;
    })
    .await;
}

#[tokio::test]
async fn a_changed_child_is_changed_back_with_an_event() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let name = demo.part("user-service");
        let nothing = json!({ "spec": { "selector": { "pingstack.dev/part": "nobody" } } });
        case.patch::<Service>(&name, nothing).await;
        case.wait_object(&name, deadline::MAIL, |service: &Service| {
            let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            let part = selector.and_then(|selector| selector.get("pingstack.dev/part"));
            seen(part.is_some_and(|part| part == "user-service"), || format!("it selects {selector:?}"))
        })
        .await;
        case.wait_event("Corrected", "the Service demo-user-service had been changed", deadline::MAIL).await;
    })
    .await;
}

#[tokio::test]
async fn a_users_object_with_a_childs_name_is_left_alone() {
    Case::run(async |case: &Case| {
        let theirs = json!({ "metadata": { "name": "demo-redis" }, "spec": { "ports": [{ "port": 6379 }] } });
        let _: Service = case.apply(theirs).await;
        let before = service(case).await;
        let demo = case.stack("demo");
        demo.apply(json!({})).await;
        let ready = demo.wait_reason("Ready", "NameConflict", deadline::OPERATOR).await;
        assert!(ready.message.contains("Service demo-redis"), "{ready:?}");
        assert_eq!(service(case).await, before, "somebody else's Service was changed");
        demo.delete().await;
        demo.wait_gone(deadline::NAMESPACE).await;
        assert_eq!(service(case).await, before, "somebody else's Service was changed with the deletion");
    })
    .await;
}

/// The user's Service, without what the API server notes about its writers.
async fn service(case: &Case) -> Value {
    let mut service = json!(case.get::<Service>("demo-redis").await);
    service["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    json!({ "metadata": service["metadata"], "spec": service["spec"] })
}
