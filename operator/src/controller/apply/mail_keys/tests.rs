//! Against an API server in memory: the steps that are written, and what follows in the pods.

use http::Method;
use pingstack_crd::PingStack;
use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use super::super::{Outcome, tests::pass_of};
use crate::{
    fixtures::{self, MINIMAL},
    names::ROTATE_MAIL_KEYS_ANNOTATION,
};

const SECRET: &str = "/api/v1/namespaces/team/secrets/demo-mail-keys";
const SEAL_KEY: &str = "/api/v1/namespaces/team/configmaps/demo-mail-seal-key";
const MAIL_SERVICE: &str = "/apis/apps/v1/namespaces/team/deployments/demo-mail-service";
const USER_SERVICE: &str = "/apis/apps/v1/namespaces/team/deployments/demo-user-service";
const OLD_POD: &str = "/api/v1/namespaces/team/pods/demo-mail-service-old";

fn stack(sealing: bool) -> PingStack {
    let mut stack = fixtures::stack(MINIMAL);
    stack.spec.mail.sealing.enabled = sealing;
    stack
}

/// By an operator that has just started, with caches that hold what is there.
async fn pass(api: &FakeApi, stack: &PingStack) -> Outcome {
    Box::pin(pass_of(&fixtures::context(api), stack)).await.unwrap()
}

/// As if Kubernetes had rolled a service.
fn roll(api: &FakeApi, path: &str) {
    let mut deployment = api.get(path).unwrap();
    let pods = deployment["spec"]["replicas"].as_i64().unwrap_or(1);
    deployment["status"] = json!({ "replicas": pods, "updatedReplicas": pods, "availableReplicas": pods });
    api.put(path, deployment);
}

fn has_variable(api: &FakeApi, path: &str, name: &str) -> bool {
    let deployment = api.get(path).unwrap();
    let env = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    env.into_iter().any(|variable| variable["name"] == name)
}

fn opens(api: &FakeApi) -> bool {
    has_variable(api, MAIL_SERVICE, "MAIL_OPEN_KEYS_DIR")
}

fn seals(api: &FakeApi) -> bool {
    has_variable(api, USER_SERVICE, "MAIL_SEAL_KEY_FILE")
}

/// A pod of mail-service of another configuration, which ends.
fn ending_pod() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": "demo-mail-service-old", "namespace": "team", "deletionTimestamp": "2026-01-01T00:00:00Z",
        "labels": {
            "app.kubernetes.io/managed-by": "ping-operator",
            "pingstack.dev/stack": "demo", "pingstack.dev/part": "mail-service",
        },
        "annotations": { "pingstack.dev/config-hash": "old" },
    } })
}

/// A stack that seals its mails, and whose services have rolled.
async fn sealing() -> FakeApi {
    let api = FakeApi::default();
    pass(&api, &stack(true)).await;
    roll(&api, MAIL_SERVICE);
    pass(&api, &stack(true)).await;
    pass(&api, &stack(true)).await;
    roll(&api, USER_SERVICE);
    assert!(!pass(&api, &stack(true)).await.sealing_unfinished);
    assert!(opens(&api) && seals(&api));
    api
}

#[tokio::test]
async fn sealing_begins_when_no_pod_of_mail_service_is_left_without_the_key() {
    let api = FakeApi::default();
    assert!(pass(&api, &stack(true)).await.sealing_unfinished);
    assert!(opens(&api) && !seals(&api));
    assert_eq!(api.get(SEAL_KEY).unwrap()["data"]["mail-seal-key"], "");
    roll(&api, MAIL_SERVICE);
    api.put(OLD_POD, ending_pod());
    pass(&api, &stack(true)).await;
    pass(&api, &stack(true)).await;
    assert!(!seals(&api), "a pod without the key still ends");
    api.remove(OLD_POD);
    assert!(pass(&api, &stack(true)).await.sealing_unfinished);
    assert!(!seals(&api), "the next reconcile builds from it");
    assert!(!pass(&api, &stack(true)).await.sealing_unfinished);
    assert!(seals(&api));
    assert_eq!(api.get(SEAL_KEY).unwrap()["data"]["mail-seal-key"].as_str().unwrap().len(), 44);
}

#[tokio::test]
async fn sealing_ends_with_the_writers_first_and_the_secret_last() {
    let api = sealing().await;
    pass(&api, &stack(false)).await;
    pass(&api, &stack(false)).await;
    assert!(opens(&api) && !seals(&api));
    pass(&api, &stack(false)).await;
    let at = |api: &FakeApi| {
        api.get(SECRET).unwrap()["metadata"]["annotations"]["pingstack.dev/mail-keys-unused-at"].clone()
    };
    assert!(at(&api).is_string(), "user-service has rolled");
    let mut secret = api.get(SECRET).unwrap();
    secret["metadata"]["annotations"]["pingstack.dev/mail-keys-unused-at"] = json!("2026-01-01T00:00:00Z");
    api.put(SECRET, secret);
    pass(&api, &stack(false)).await;
    assert!(opens(&api), "the next reconcile builds from it");
    // Kubernetes has not begun to roll mail-service.
    let mut waiting = api.get(MAIL_SERVICE).unwrap();
    waiting["status"]["updatedReplicas"] = json!(0);
    api.put(MAIL_SERVICE, waiting);
    pass(&api, &stack(false)).await;
    assert!(!opens(&api) && api.get(SECRET).is_some(), "pods that have it mounted are left");
    roll(&api, MAIL_SERVICE);
    assert!(pass(&api, &stack(false)).await.sealing_unfinished);
    assert_eq!(api.get(SECRET), None);
    assert!(!pass(&api, &stack(false)).await.sealing_unfinished);
    assert_eq!(api.get(SEAL_KEY), None);
}

#[tokio::test]
async fn a_deleted_secret_is_made_again_and_user_service_waits_for_mail_service() {
    let api = sealing().await;
    let before = api.get(SEAL_KEY).unwrap()["data"].clone();
    api.remove(SECRET);
    assert!(pass(&api, &stack(true)).await.sealing_unfinished);
    assert!(api.get(SECRET).is_some() && opens(&api) && !seals(&api));
    assert_eq!(api.get(SEAL_KEY).unwrap()["data"]["mail-seal-key"], "", "nobody takes a key too early");
    for path in [MAIL_SERVICE, USER_SERVICE] {
        roll(&api, path);
    }
    pass(&api, &stack(true)).await;
    pass(&api, &stack(true)).await;
    assert!(seals(&api));
    assert_ne!(api.get(SEAL_KEY).unwrap()["data"], before);
}

#[tokio::test]
async fn another_value_of_the_annotation_adds_a_key() {
    let api = sealing().await;
    let mut rotating = stack(true);
    let annotation = (ROTATE_MAIL_KEYS_ANNOTATION.to_owned(), "1".to_owned());
    rotating.metadata.annotations = Some([annotation].into());
    let before = api.get(SECRET).unwrap()["data"].clone();
    assert!(pass(&api, &rotating).await.sealing_unfinished);
    let during = api.get(SECRET).unwrap()["data"].clone();
    assert_eq!(during["mail-key"], before["mail-key"]);
    assert!(during["mail-key-next"].is_string() && during["mail-key-next"] != before["mail-key"]);
}

#[tokio::test]
async fn a_stack_that_has_what_it_wants_costs_no_write() {
    let api = sealing().await;
    api.forget_requests();
    pass(&api, &stack(true)).await;
    let writes = api.take_requests("/secrets/demo-mail-keys");
    assert!(writes.into_iter().all(|sent| sent.method == Method::GET));
}
