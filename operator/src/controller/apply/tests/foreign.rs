//! Objects of others, which are left alone.

use serde_json::json;
use test_kit::fake_api::FakeApi;

use super::{CONFIG_MAPS, Error, SECRETS, child, pass, pass_anew};
use crate::fixtures;

#[tokio::test]
async fn an_object_of_somebody_else_is_left_untouched_and_named() {
    let api = FakeApi::default();
    let service = "/api/v1/namespaces/team/services/demo-redis";
    api.put(service, child("Service", "demo-redis", None));
    let another = format!("{CONFIG_MAPS}/demo-rabbitmq");
    api.put(&another, child("ConfigMap", "demo-rabbitmq", Some("another stack")));
    let before = (api.get(service), api.get(&another));
    let outcome = pass_anew(&api).await.unwrap();
    assert_eq!(outcome.conflicts, ["ConfigMap demo-rabbitmq", "Service demo-redis"]);
    assert_eq!((api.get(service), api.get(&another)), before);
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_left_untouched_and_named() {
    let api = FakeApi::default();
    let path = format!("{SECRETS}/demo-redis");
    api.put(&path, child("Secret", "demo-redis", None));
    let before = api.get(&path);
    assert_eq!(pass_anew(&api).await.unwrap().conflicts, ["Secret demo-redis"]);
    assert_eq!(api.get(&path), before);
}

#[tokio::test]
async fn an_object_that_was_made_anew_by_somebody_between_look_and_apply_is_not_seized() {
    let api = FakeApi::default();
    let path = format!("{CONFIG_MAPS}/demo-redis");
    pass_anew(&api).await.unwrap();
    let context = fixtures::context(&api);
    let mut theirs = child("ConfigMap", "demo-redis", None);
    theirs["metadata"]["uid"] = json!("theirs");
    api.remove(&path);
    api.put(&path, theirs);
    assert!(matches!(pass(&context).await, Err(Error::Apply { kind: "ConfigMap", .. })));
    assert_eq!(api.get(&path).unwrap()["metadata"]["uid"], "theirs");
}
