//! No reconcile fails without a word in the status.

use std::sync::Arc;

use http::{Method, StatusCode};
use kube::core::DeserializeGuard;
use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use super::{Context, RACES, error_policy, reconcile};
use crate::fixtures::{self, MINIMAL};

const STACK: &str = "/apis/pingstack.dev/v1beta1/namespaces/team/pingstacks/demo";
const SECRET: &str = "/api/v1/namespaces/team/secrets/demo-redis";

/// A reconcile that fails; the type, status and reason of each condition that it writes.
async fn failing(api: &FakeApi, context: &Arc<Context>) -> Vec<(String, String, String)> {
    let stack = fixtures::stack(MINIMAL);
    let stored = Arc::new(DeserializeGuard(Ok(stack.clone())));
    api.put(STACK, serde_json::to_value(&stack).unwrap());
    let error = Box::pin(reconcile(Arc::clone(&stored), Arc::clone(context))).await.unwrap_err();
    error_policy(stored, &error, Arc::clone(context));
    let stored = api.get(STACK).unwrap();
    let text = |condition: &Value, field: &str| condition[field].as_str().unwrap().to_owned();
    let conditions = stored["status"]["conditions"].as_array().unwrap().iter();
    conditions.map(|one| (text(one, "type"), text(one, "status"), text(one, "reason"))).collect()
}

fn condition(type_: &str, status: &str, reason: &str) -> (String, String, String) {
    (type_.to_owned(), status.to_owned(), reason.to_owned())
}

fn with_credentials() -> FakeApi {
    let api = FakeApi::default();
    api.put(
        "/api/v1/namespaces/team/secrets/smtp",
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "smtp", "namespace": "team" },
            "data": { "EMAIL_USER": "YQ==", "EMAIL_PASSWORD": "YQ==" },
        }),
    );
    api
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_in_the_status() {
    let api = with_credentials();
    let unreadable = json!({ "metadata": { "labels": 1 } });
    api.put("/api/v1/namespaces/team/configmaps/demo-redis", unreadable);
    let context = Arc::new(fixtures::context(&api));
    let expected =
        [condition("Ready", "False", "ApplyFailed"), condition("Reconciling", "True", "ApplyFailed")];
    assert_eq!(failing(&api, &context).await, expected);
}

#[tokio::test]
async fn a_refusal_of_the_api_server_is_in_the_status() {
    let api = with_credentials();
    api.fail(Method::PATCH, "/configmaps/", StatusCode::FORBIDDEN);
    let context = Arc::new(fixtures::context(&api));
    let expected = [condition("Ready", "False", "ApplyFailed"), condition("Stalled", "True", "ApplyFailed")];
    assert_eq!(failing(&api, &context).await, expected);
}

#[tokio::test]
async fn an_object_that_the_cache_lacks_for_a_moment_does_not_make_a_stack_unready_and_for_long_it_does() {
    let api = with_credentials();
    let owner = json!([{ "apiVersion": "pingstack.dev/v1beta1", "kind": "PingStack", "name": "demo", "uid": "0b5ec0de" }]);
    let context = Arc::new(fixtures::context(&api));
    api.put(
        SECRET,
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "demo-redis", "namespace": "team", "ownerReferences": owner },
        }),
    );
    let reconciling = condition("Reconciling", "True", "ApplyFailed");
    for _ in 0..RACES {
        assert_eq!(failing(&api, &context).await, std::slice::from_ref(&reconciling));
    }
    let expected = [condition("Ready", "False", "ApplyFailed"), reconciling];
    assert_eq!(failing(&api, &context).await, expected);
}
