use http::Method;
use pingstack_crd::{PingStack, RetentionPolicy};
use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use super::super::{Outcome, tests::pass_of};
use crate::{
    fixtures::{self, MINIMAL},
    names::{ROTATE_PEPPER_ANNOTATION, ROTATE_SIGNING_KEY_ANNOTATION},
};

const USER_IDS: &str = "/api/v1/namespaces/team/secrets/demo-user-ids";
const USER_SERVICE: &str = "/api/v1/namespaces/team/secrets/demo-user-service";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/team/deployments/demo-user-service";

/// By an operator that has just started, with caches that hold what is there.
async fn pass(api: &FakeApi, stack: &PingStack) -> Outcome {
    Box::pin(pass_of(&fixtures::context(api), stack)).await.unwrap()
}

fn data(api: &FakeApi, path: &str) -> Value {
    api.get(path).unwrap()["data"].clone()
}

/// What is left of a stack that was deleted.
fn collect_garbage(api: &FakeApi) {
    for object in api.objects() {
        let name = object["metadata"]["name"].as_str().unwrap();
        if !object["metadata"]["ownerReferences"].as_array().is_none_or(Vec::is_empty) {
            api.remove_object(object["kind"].as_str().unwrap_or("Secret"), name);
        }
    }
}

/// As if Kubernetes had rolled user-service.
fn roll(api: &FakeApi) {
    let mut deployment = api.get(DEPLOYMENT).unwrap();
    deployment["status"] = json!({ "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2 });
    api.put(DEPLOYMENT, deployment);
}

fn peppers_in_use(api: &FakeApi) -> String {
    let deployment = api.get(DEPLOYMENT).unwrap();
    let env = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    let peppers = env.into_iter().find(|variable| variable["name"] == "OTP_PEPPERS").unwrap();
    peppers["value"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_that_lost_a_value_gets_it_and_keeps_the_others() {
    let api = FakeApi::default();
    let stack = fixtures::stack(MINIMAL);
    pass(&api, &stack).await;
    let before = data(&api, USER_SERVICE);
    let mut incomplete = api.get(USER_SERVICE).unwrap();
    incomplete["data"].as_object_mut().unwrap().remove("signing-key.pem");
    api.put(USER_SERVICE, incomplete);
    api.forget_requests();
    pass(&api, &stack).await;
    let after = data(&api, USER_SERVICE);
    assert!(after["signing-key.pem"].is_string() && after["signing-key.pem"] != before["signing-key.pem"]);
    for kept in ["otp-pepper", "user-id-secret"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    let writes = api.take_requests("/secrets").into_iter().filter(|sent| sent.method != Method::GET);
    let writes = writes.map(|sent| (sent.method, sent.path)).collect::<Vec<_>>();
    assert_eq!(writes, [(Method::PATCH, USER_SERVICE.to_owned())]);
}

#[tokio::test]
async fn a_stack_that_is_created_again_under_its_name_finds_the_secret_of_user_ids() {
    let api = FakeApi::default();
    let mut stack = fixtures::stack(MINIMAL);
    pass(&api, &stack).await;
    let before = api.get(USER_IDS).unwrap();
    collect_garbage(&api);
    assert_eq!((api.get(USER_SERVICE), api.get(USER_IDS)), (None, Some(before.clone())));
    stack.metadata.uid = Some("another".to_owned());
    assert_eq!(pass(&api, &stack).await.conflicts, Vec::<String>::new());
    assert_eq!(api.get(USER_IDS).unwrap(), before);
    assert_eq!(data(&api, USER_SERVICE)["user-id-secret"], before["data"]["user-id-secret"]);
}

#[tokio::test]
async fn a_stack_that_retains_nothing_takes_the_secret_of_user_ids_along() {
    let api = FakeApi::default();
    let mut stack = fixtures::stack(MINIMAL);
    pass(&api, &stack).await;
    stack.spec.retention_policy = RetentionPolicy::Delete;
    let before = data(&api, USER_IDS);
    pass(&api, &stack).await;
    assert_eq!(data(&api, USER_IDS), before);
    collect_garbage(&api);
    assert_eq!(api.get(USER_IDS), None);
}

#[tokio::test]
async fn a_secret_of_that_name_that_no_stack_left_behind_is_left_alone_and_named() {
    let api = FakeApi::default();
    let stack = fixtures::stack(MINIMAL);
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "demo-user-ids", "namespace": "team", "labels": { "pingstack.dev/stack": "demo" } },
    });
    api.put(USER_IDS, theirs);
    let before = api.get(USER_IDS);
    assert_eq!(pass(&api, &stack).await.conflicts, ["Secret demo-user-ids"]);
    assert_eq!(api.get(USER_IDS), before);
}

#[tokio::test]
async fn a_secret_that_changed_since_it_was_read_is_not_written() {
    let api = FakeApi::default();
    let stack = fixtures::stack(MINIMAL);
    pass(&api, &stack).await;
    let mut incomplete = api.get(USER_SERVICE).unwrap();
    incomplete["data"].as_object_mut().unwrap().remove("otp-pepper");
    api.put(USER_SERVICE, incomplete.clone());
    let behind = fixtures::context(&api);
    incomplete["data"]["otp-pepper"] = json!("cmVzdG9yZWQ=");
    api.put(USER_SERVICE, incomplete);
    let outcome = Box::pin(pass_of(&behind, &stack)).await;
    assert!(matches!(outcome, Err(super::Error::Changed(name)) if name == "demo-user-service"));
    assert_eq!(data(&api, USER_SERVICE)["otp-pepper"], "cmVzdG9yZWQ=");
}

#[tokio::test]
async fn a_rotation_goes_on_when_all_pods_of_user_service_have_rolled() {
    let api = FakeApi::default();
    let mut stack = fixtures::stack(MINIMAL);
    pass(&api, &stack).await;
    let annotations = [ROTATE_SIGNING_KEY_ANNOTATION, ROTATE_PEPPER_ANNOTATION];
    stack.metadata.annotations = Some(annotations.map(|name| (name.to_owned(), "1".to_owned())).into());
    let before = data(&api, USER_SERVICE);
    pass(&api, &stack).await;
    assert_eq!(data(&api, USER_SERVICE), before, "no pod runs yet");
    roll(&api);
    pass(&api, &stack).await;
    let during = data(&api, USER_SERVICE);
    for kept in ["signing-key.pem", "otp-pepper", "user-id-secret"] {
        assert_eq!(during[kept], before[kept], "{kept}");
    }
    assert!(during["signing-key-next.pem"].is_string() && during["otp-pepper-next"].is_string());
    assert_eq!(peppers_in_use(&api), "1:$(OTP_PEPPER)", "the next reconcile builds from it");
    pass(&api, &stack).await;
    assert_eq!(peppers_in_use(&api), "1:$(OTP_PEPPER),2:$(OTP_PEPPER_NEXT)");
}
