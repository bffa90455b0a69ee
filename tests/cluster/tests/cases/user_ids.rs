//! Users keep their ids, whatever happens to the keys of user-service and to the stack.

use std::time::Duration;

use cluster::{
    Case, Stack, deadline,
    load::{assert_no_login_refused, assert_nothing_lost},
    wait::{eventually, seen},
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use serde_json::json;

/// What users' ids follow from.
pub(crate) const IDS: &str = "demo-user-ids";
/// Signing key and pepper.
pub(crate) const KEYS: &str = "demo-user-service";
/// Sign-ins a second.
const RATE: u32 = 5;
/// Three rollouts, the life of a code, and the time until the operator looks again, twice.
const PEPPER: Duration = Duration::from_mins(15);

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the rotated pepper"]
async fn users_keep_their_ids_when_a_secret_is_deleted_and_when_the_stack_is_created_again() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let id = user_id(&demo).await;
        let load = demo.start_load("deleted", RATE).await;
        case.recreate::<Secret>(IDS).await;
        assert_eq!(user_id(&demo).await, id, "{IDS} was deleted");
        let hash = config_hash(&case.get(KEYS).await);
        case.recreate::<Secret>(KEYS).await;
        case.wait_object(KEYS, deadline::OPERATOR, |deployment: &Deployment| {
            seen(config_hash(deployment) != hash, || "the old pods".to_owned())
        })
        .await;
        case.wait_deployment(KEYS, deadline::SERVER).await;
        demo.wait_ready().await;
        // An old pod that still drains knows the old pepper alone: what it mails is void at the new ones.
        eventually("the old pods to be gone", deadline::SERVER, async || {
            let pods = case.pods_of("demo", "user-service").await;
            seen(pods.iter().all(|pod| pod.metadata.deletion_timestamp.is_none()), || "one drains".to_owned())
        })
        .await;
        assert_eq!(user_id(&demo).await, id, "{KEYS} was deleted");
        // Codes that were under way when the pepper was lost are void; the logins were answered.
        assert_no_login_refused(&load.finish().await);
        demo.delete().await;
        demo.wait_gone(deadline::NAMESPACE).await;
        demo.wait_no_children(deadline::SERVER).await;
        demo.apply(json!({})).await;
        demo.wait_ready().await;
        assert_eq!(user_id(&demo).await, id, "the stack was created again");
    })
    .await;
}

#[tokio::test]
async fn a_rotated_pepper_refuses_no_login_and_no_code() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({ "login": { "codeTtlSeconds": 60 } })).await;
        let id = user_id(&demo).await;
        let old = value(&case.get(KEYS).await, "otp-pepper");
        let load = demo.start_load("pepper", RATE).await;
        demo.annotate("pingstack.dev/rotate-pepper", "1").await;
        case.wait_object(KEYS, PEPPER, |secret: &Secret| {
            let is_over = value(secret, "otp-pepper") != old && value(secret, "otp-pepper-next").is_none();
            seen(is_over, || format!("{:?}", secret.metadata.annotations))
        })
        .await;
        case.wait_deployment(KEYS, deadline::SERVER).await;
        let ledger = load.finish().await;
        assert_no_login_refused(&ledger);
        assert_nothing_lost(&ledger);
        assert_eq!(user_id(&demo).await, id);
    })
    .await;
}

/// The wait for the old key's last token is cut short: pods accept it all the same.
#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the rotated pepper"]
async fn a_rotated_signing_key_refuses_no_login_and_ends_no_session() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let id = user_id(&demo).await;
        let old = value(&case.get(KEYS).await, "signing-key.pem");
        let load = demo.start_load("signing", RATE).await;
        demo.annotate("pingstack.dev/rotate-signing-key", "1").await;
        wait_published(case, 2).await;
        assert_eq!(value(&case.get(KEYS).await, "signing-key.pem"), old, "the old key is in its place");
        let at_once = json!({ "pingstack.dev/signing-key-replaced-at": "2026-01-01T00:00:00Z" });
        case.patch::<Secret>(KEYS, json!({ "metadata": { "annotations": at_once } })).await;
        case.wait_object(KEYS, deadline::OPERATOR, |secret: &Secret| {
            let is_over =
                value(secret, "signing-key.pem") != old && value(secret, "signing-key-next.pem").is_none();
            seen(is_over, || format!("{:?}", secret.metadata.annotations))
        })
        .await;
        let ledger = load.finish().await;
        assert_no_login_refused(&ledger);
        assert_nothing_lost(&ledger);
        assert_eq!(user_id(&demo).await, id);
    })
    .await;
}

/// Waits until user-service publishes this many signing keys.
async fn wait_published(case: &Case, count: usize) {
    eventually(format!("{count} published keys"), deadline::SERVER, async || {
        let answer = case.fetch("http://demo-user-service/.well-known/jwks.json").await;
        let keys = answer.body["keys"].as_array().map_or(0, Vec::len);
        seen(keys == count, || format!("{keys} keys"))
    })
    .await;
}

/// The id with which a user signs in now.
pub(crate) async fn user_id(demo: &Stack<'_>) -> String {
    demo.user("ada@example.org").sign_in().await.user_id
}

fn value(secret: &Secret, key: &str) -> Option<Vec<u8>> {
    secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.clone())
}

/// Of the pods of a Deployment.
fn config_hash(deployment: &Deployment) -> Option<String> {
    let template = &deployment.spec.as_ref()?.template;
    template.metadata.as_ref()?.annotations.as_ref()?.get("pingstack.dev/config-hash").cloned()
}
