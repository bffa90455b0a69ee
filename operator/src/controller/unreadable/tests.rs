use std::sync::Arc;

use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use crate::{
    controller::reconcile,
    fixtures::{self, MINIMAL},
    watches::StoredStack,
};

const PATH: &str = "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/old";

/// What an older schema let through: no mail server, and a number that is a text.
fn old_object() -> Value {
    json!({
        "apiVersion": "pingstack.dev/v1beta1", "kind": "PingStack",
        "metadata": { "name": "old", "namespace": "team", "uid": "01d", "generation": 3 },
        "spec": { "smtp": { "host": "mail", "port": "25", "from": "a@example.org" } },
        "status": { "conditions": [{
            "type": "RedisReady", "status": "True", "reason": "Available", "message": "",
            "lastTransitionTime": "2026-11-01T10:00:00Z",
        }] },
    })
}

#[tokio::test]
async fn a_stack_that_cannot_be_read_says_so_once_and_what_is_known_of_it_stays() {
    let api = FakeApi::default();
    api.put(PATH, old_object());
    let stored = || Arc::new(serde_json::from_value::<StoredStack>(old_object()).unwrap());
    let context = Arc::new(fixtures::context(&api));
    reconcile(stored(), Arc::clone(&context)).await.unwrap();

    let conditions = api.get(PATH).unwrap()["status"]["conditions"].clone();
    assert_eq!((&conditions[0]["type"], &conditions[0]["reason"]), (&json!("Ready"), &json!("Unreadable")));
    assert_eq!(conditions[0]["observedGeneration"], 3);
    let message = conditions[0]["message"].as_str().unwrap();
    assert!(message.contains("Expected i32") && message.ends_with("kubectl edit"), "{message}");
    assert_eq!((&conditions[1]["type"], &conditions[1]["status"]), (&json!("Stalled"), &json!("True")));
    assert_eq!(conditions[2]["type"], "RedisReady");
    assert_eq!(api.get(PATH).unwrap()["status"]["observedGeneration"], 3);
    let events = api.take_requests("/events");
    assert_eq!((events.len(), &events[0].body["reason"]), (1, &json!("Unreadable")));

    reconcile(stored(), context).await.unwrap();
    let methods = api.take_requests("").into_iter().map(|sent| sent.method).collect::<Vec<_>>();
    assert_eq!(methods, [http::Method::GET], "it was told a second time");
}

#[tokio::test]
async fn where_the_api_server_takes_no_status_the_event_says_it() {
    let api = FakeApi::default();
    api.put(PATH, old_object());
    api.fail(http::Method::PATCH, PATH, http::StatusCode::UNPROCESSABLE_ENTITY);
    let stored = Arc::new(serde_json::from_value::<StoredStack>(old_object()).unwrap());
    reconcile(stored, Arc::new(fixtures::context(&api))).await.unwrap();
    assert_eq!(api.take_requests("/events").len(), 1);
}

#[tokio::test]
async fn its_neighbours_are_reconciled_as_ever() {
    let api = FakeApi::default();
    api.put(PATH, old_object());
    let context = Arc::new(fixtures::context(&api));
    let old = serde_json::from_value::<StoredStack>(old_object()).unwrap();
    reconcile(Arc::new(old), Arc::clone(&context)).await.unwrap();
    let good = fixtures::stack(MINIMAL);
    api.put(
        "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo",
        serde_json::to_value(&good).unwrap(),
    );
    reconcile(Arc::new(kube::core::DeserializeGuard(Ok(good))), context).await.unwrap();
    assert!(api.get("/apis/apps/v1/namespaces/team/statefulsets/demo-redis").is_some());
}
