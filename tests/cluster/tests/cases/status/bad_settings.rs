//! Settings that cannot work, taken back. Kubernetes itself keeps the broken pod of a StatefulSet: the operator has to
//! delete it.

use cluster::{
    Case, Stack, deadline,
    wait::{chain, eventually, seen},
};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

/// More memory than a node has.
const IMPOSSIBLE: &str = "900Gi";
/// Less memory than Redis needs to start.
const TOO_LITTLE: &str = "8Mi";
/// A class that no cluster has.
const CLASS: &str = "no-such-class";

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the mail server that does not exist"]
async fn an_impossible_memory_request_of_redis_is_taken_back() {
    Case::run(async |case: &Case| {
        let demo = start(case, 1).await;
        set_memory(&demo, "redis", json!(IMPOSSIBLE), json!(IMPOSSIBLE)).await;
        demo.wait_reason("RedisReady", "Unschedulable", deadline::SERVER).await;
        set_memory(&demo, "redis", Value::Null, Value::Null).await;
        assert_back(case, &demo, "redis").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the mail server that does not exist"]
async fn a_redis_that_runs_out_of_memory_is_taken_back() {
    Case::run(async |case: &Case| {
        let demo = start(case, 1).await;
        set_memory(&demo, "redis", Value::Null, json!(TOO_LITTLE)).await;
        demo.wait_condition("RedisReady", "False", deadline::SERVER).await;
        set_memory(&demo, "redis", Value::Null, Value::Null).await;
        assert_back(case, &demo, "redis").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the mail server that does not exist"]
async fn an_impossible_memory_request_of_one_broker_is_taken_back() {
    Case::run(async |case: &Case| {
        let demo = start(case, 1).await;
        set_memory(&demo, "rabbitmq", json!(IMPOSSIBLE), json!(IMPOSSIBLE)).await;
        demo.wait_reason("RabbitMQReady", "Unschedulable", deadline::SERVER).await;
        set_memory(&demo, "rabbitmq", Value::Null, Value::Null).await;
        assert_back(case, &demo, "rabbitmq").await;
    })
    .await;
}

/// Two brokers serve on meanwhile.
#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the mail server that does not exist"]
async fn an_impossible_memory_request_of_three_brokers_is_taken_back() {
    Case::run(async |case: &Case| {
        let demo = start(case, 3).await;
        demo.wait_brokers(3, deadline::STACK).await;
        set_memory(&demo, "rabbitmq", json!(IMPOSSIBLE), json!(IMPOSSIBLE)).await;
        demo.wait_reason("RabbitMQReady", "Unschedulable", deadline::SERVER).await;
        demo.wait_sign_in("meanwhile@example.org").await;
        set_memory(&demo, "rabbitmq", Value::Null, Value::Null).await;
        demo.wait_sign_in("afterwards@example.org").await;
        demo.wait_brokers(3, deadline::SERVER).await;
        demo.wait_ready().await;
    })
    .await;
}

/// The message is followed to the letter.
#[tokio::test]
#[ignore = "make e2e-full runs it"]
async fn a_new_stack_with_a_storage_class_that_does_not_exist_says_what_to_do() {
    Case::run(async |case: &Case| {
        let demo = case.stack("demo");
        demo.apply(json!({ "redis": { "managed": { "storage": { "storageClassName": CLASS } } } })).await;
        let condition = demo.wait_reason("RedisReady", "VolumePending", deadline::STACK).await;
        let advice = format!("kubectl -n {} delete pvc -l pingstack.dev/stack=demo", case.namespace);
        for part in [CLASS, "cannot be changed", "--cascade=foreground", &advice] {
            assert!(condition.message.contains(part), "the message lacks '{part}': {}", condition.message);
        }
        demo.delete_in_the_foreground().await;
        delete_claims(case).await;
        demo.apply(json!({})).await;
        demo.wait_ready().await;
        demo.wait_sign_in("afterwards@example.org").await;
    })
    .await;
}

pub(crate) async fn start(case: &Case, brokers: u32) -> Stack<'_> {
    let demo = case.ready_stack(json!({ "rabbitmq": { "managed": { "replicas": brokers } } })).await;
    demo.wait_sign_in("before@example.org").await;
    demo
}

/// Both, because the API server refuses a request above the limit. `null` is the default.
async fn set_memory(demo: &Stack<'_>, server: &str, request: Value, limit: Value) {
    let resources = json!({ "requests": { "memory": request }, "limits": { "memory": limit } });
    demo.patch(json!({ server: { "managed": { "resources": resources } } })).await;
}

/// Sign-in works without anybody having touched a pod, and the stack is as it was.
pub(crate) async fn assert_back(case: &Case, demo: &Stack<'_>, server: &str) {
    demo.wait_sign_in(&format!("after-{server}@example.org")).await;
    case.wait_stateful_set(&demo.part(server), deadline::SERVER).await;
    demo.wait_ready().await;
}

async fn delete_claims(case: &Case) {
    let claims = case.api::<PersistentVolumeClaim>();
    let selector = ListParams::default().labels("pingstack.dev/stack=demo");
    let found = claims.list_metadata(&selector).await.expect("claims");
    assert!(found.items.len() >= 2, "the label finds {} claims", found.items.len());
    claims.delete_collection(&DeleteParams::default(), &selector).await.expect("claims are deleted");
    eventually("the claims to be gone", deadline::SERVER, async || {
        let found = claims.list_metadata(&selector).await.map_err(chain)?;
        seen(found.items.is_empty(), || format!("{} claims", found.items.len()))
    })
    .await;
}
