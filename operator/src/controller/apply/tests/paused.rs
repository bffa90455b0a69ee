//! A stack that is paused.

use std::sync::Arc;

use http::Method;
use kube::core::DeserializeGuard;
use serde_json::json;
use test_kit::fake_api::FakeApi;

use super::{blocked_rollout::blocked_redis, pass_anew, stack};
use crate::{controller::reconcile, fixtures};

#[tokio::test]
async fn a_paused_stack_does_not_say_of_the_broker_what_nobody_looked_at() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let mut stack = stack();
    stack.spec.paused = true;
    stack.spec.monitoring.service_monitor = true;
    let path = "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo";
    api.put(path, serde_json::to_value(&stack).unwrap());
    let stored = Arc::new(DeserializeGuard(Ok(stack)));
    Box::pin(reconcile(stored, Arc::new(fixtures::context(&api)))).await.unwrap();
    let status = api.get(path).unwrap()["status"].clone();
    let conditions = status["conditions"].as_array().unwrap();
    for type_ in ["TopologyReady", "MonitoringReady"] {
        let condition = conditions.iter().find(|condition| condition["type"] == type_).unwrap();
        assert_eq!(
            (&condition["status"], &condition["reason"]),
            (&json!("Unknown"), &json!("Paused")),
            "{type_}"
        );
    }
}

#[tokio::test]
async fn nothing_of_a_paused_stack_is_deleted() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    blocked_redis(&api);
    let mut stack = stack();
    stack.spec.paused = true;
    api.put(
        "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo",
        serde_json::to_value(&stack).unwrap(),
    );
    api.forget_requests();
    let stored = Arc::new(DeserializeGuard(Ok(stack)));
    let context = Arc::new(fixtures::context(&api));
    Box::pin(reconcile(stored, context)).await.unwrap();
    let sent = api.take_requests("");
    assert!(
        sent.iter().any(|sent| sent.path.ends_with("/pingstacks/demo/status")),
        "it was reconciled: {sent:?}"
    );
    assert!(sent.iter().all(|sent| sent.method != Method::DELETE), "{sent:?}");
}
