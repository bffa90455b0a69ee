//! The number of pods, which others may set.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use test_kit::fake_api::{FakeApi, Sent};

use super::{DEPLOYMENTS, Error, pass_anew, pass_of, stack, writes};
use crate::fixtures;

fn managed_by(api: &FakeApi, manager: &str, replicas: i32) {
    scaled_by(api, "demo-mail-service", manager, replicas);
}

fn scaled_by(api: &FakeApi, name: &str, manager: &str, replicas: i32) {
    let path = format!("{DEPLOYMENTS}/{name}");
    let mut live = api.get(&path).unwrap();
    live["spec"]["replicas"] = json!(replicas);
    live["metadata"]["managedFields"] =
        json!([{ "manager": manager, "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } }]);
    api.put(&path, live);
}

pub(super) fn hand_over_done(api: &FakeApi) {
    managed_by(api, "kube-controller-manager", 1);
    scaled_by(api, "demo-user-service", "kube-controller-manager", 2);
}

fn of_mail_service(api: &FakeApi) -> Vec<(String, Value)> {
    replicas_sent(api, "demo-mail-service")
}

/// The managers that wrote a Deployment, and the number of pods that each asked for.
fn replicas_sent(api: &FakeApi, name: &str) -> Vec<(String, Value)> {
    let sent = writes(api, &format!("/deployments/{name}"));
    let manager = |sent: &Sent| {
        sent.query.split('&').find_map(|pair| pair.strip_prefix("fieldManager=")).map(str::to_owned)
    };
    sent.iter().map(|sent| (manager(sent).unwrap(), sent.body["spec"]["replicas"].clone())).collect()
}

#[tokio::test]
async fn the_number_of_consumers_leaves_the_applied_object_only_after_somebody_else_holds_it() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    assert_eq!(of_mail_service(&api), [("ping-operator".to_owned(), json!(1))]);
    managed_by(&api, "ping-operator", 7);
    pass_anew(&api).await.unwrap();
    let steps = [("ping-operator-replicas".to_owned(), json!(7)), ("ping-operator".to_owned(), Value::Null)];
    assert_eq!(of_mail_service(&api), steps);
    hand_over_done(&api);
    pass_anew(&api).await.unwrap();
    assert_eq!(of_mail_service(&api), [("ping-operator".to_owned(), Value::Null)]);
}

#[tokio::test]
async fn a_hand_over_that_fails_keeps_the_number_where_it_is() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    managed_by(&api, "ping-operator", 7);
    api.forget_requests();
    api.fail(Method::PATCH, "/deployments/demo-mail-service", StatusCode::INTERNAL_SERVER_ERROR);
    assert!(matches!(pass_anew(&api).await, Err(Error::Apply { kind: "Deployment", .. })));
    let tried = of_mail_service(&api).into_iter().map(|(manager, _)| manager).collect::<Vec<_>>();
    assert!(tried.iter().all(|manager| manager == "ping-operator-replicas"), "{tried:?}");
    assert_eq!(api.get(&format!("{DEPLOYMENTS}/demo-mail-service")).unwrap()["spec"]["replicas"], 7);
}

#[tokio::test]
async fn an_autoscaler_of_the_users_own_on_user_service_is_not_fought() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    assert_eq!(replicas_sent(&api, "demo-user-service"), [("ping-operator".to_owned(), json!(2))]);
    for count in [7, 1, 0] {
        scaled_by(&api, "demo-user-service", "kube-controller-manager", count);
        pass_anew(&api).await.unwrap();
        let sent = replicas_sent(&api, "demo-user-service");
        assert_eq!(sent, [("ping-operator".to_owned(), Value::Null)], "{count}");
        assert_eq!(api.get(&format!("{DEPLOYMENTS}/demo-user-service")).unwrap()["spec"]["replicas"], count);
    }
}

#[tokio::test]
async fn another_number_of_user_service_pods_in_the_spec_is_set_once() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    scaled_by(&api, "demo-user-service", "kube-controller-manager", 7);
    let mut stack = stack();
    stack.spec.user_service.replicas = 3;
    api.forget_requests();
    Box::pin(pass_of(&fixtures::context(&api), &stack)).await.unwrap();
    let steps = [("ping-operator-replicas".to_owned(), json!(3)), ("ping-operator".to_owned(), Value::Null)];
    assert_eq!(replicas_sent(&api, "demo-user-service"), steps);
    scaled_by(&api, "demo-user-service", "kube-controller-manager", 7);
    Box::pin(pass_of(&fixtures::context(&api), &stack)).await.unwrap();
    assert_eq!(replicas_sent(&api, "demo-user-service"), [("ping-operator".to_owned(), Value::Null)]);
}
