//! What somebody changed, and what only looks so.

use serde_json::json;
use test_kit::fake_api::FakeApi;

use super::{DEPLOYMENTS, handover::hand_over_done, pass, pass_anew, pass_of, stack};
use crate::{controller::Context, fixtures, watches::Children};

fn events(api: &FakeApi, reason: &str) -> Vec<String> {
    let events = api.objects().into_iter().filter(|object| object["reason"] == reason);
    events.map(|event| event["note"].as_str().unwrap().to_owned()).collect()
}

/// The same operator, with caches that hold what is there now.
fn caught_up(api: &FakeApi, context: Context) -> Context {
    Context { children: Children::holding(&api.objects()), ..context }
}

/// As a controller of Kubernetes does.
fn write_status(api: &FakeApi, path: &str, generation: i64) {
    let mut object = api.get(path).unwrap();
    object["status"] = json!({ "observedGeneration": generation });
    api.put(path, object);
}

#[tokio::test]
async fn nothing_is_written_where_nothing_changed() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    // Whoever has the number of pods is told by the API server, which this one does not do.
    hand_over_done(&api);
    let mut context = fixtures::context(&api);
    pass(&context).await.unwrap();
    context.children = Children::holding(&api.objects());
    api.forget_requests();
    pass(&context).await.unwrap();
    assert_eq!(api.take_requests(""), []);
}

#[tokio::test]
async fn a_status_that_changes_while_an_object_is_applied_is_not_taken_for_a_change_of_the_object() {
    let api = FakeApi::default();
    let context = fixtures::context(&api);
    Box::pin(pass(&context)).await.unwrap();
    let path = format!("{DEPLOYMENTS}/demo-user-service");
    write_status(&api, &path, 1);
    let context = caught_up(&api, context);
    write_status(&api, &path, 2);
    Box::pin(pass(&context)).await.unwrap();
    assert_eq!(events(&api, "Corrected"), Vec::<String>::new());
}

#[tokio::test]
async fn a_cache_that_is_behind_a_change_of_the_spec_is_not_taken_for_a_change_by_somebody() {
    let api = FakeApi::default();
    let context = fixtures::context(&api);
    Box::pin(pass(&context)).await.unwrap();
    let behind = caught_up(&api, context);
    let mut grown = stack();
    grown.spec.user_service.replicas = 5;
    for _ in 0..2 {
        Box::pin(pass_of(&behind, &grown)).await.unwrap();
    }
    let deployment = api.get(&format!("{DEPLOYMENTS}/demo-user-service")).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 5);
    assert_eq!(events(&api, "Corrected"), Vec::<String>::new());
}

#[tokio::test]
async fn what_somebody_changed_is_restored_with_one_event() {
    let api = FakeApi::default();
    let context = fixtures::context(&api);
    Box::pin(pass(&context)).await.unwrap();
    // The number of pods, with which a Deployment is made, is handed over.
    let context = caught_up(&api, context);
    Box::pin(pass(&context)).await.unwrap();
    let path = format!("{DEPLOYMENTS}/demo-user-service");
    let mut changed = api.get(&path).unwrap();
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("other");
    api.put(&path, changed);
    let context = caught_up(&api, context);
    Box::pin(pass(&context)).await.unwrap();
    let context = caught_up(&api, context);
    Box::pin(pass(&context)).await.unwrap();
    assert_eq!(events(&api, "Corrected"), ["the Deployment demo-user-service had been changed: restored it"]);
}
