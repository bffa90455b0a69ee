//! What lost its labels or its owner.

use http::Method;
use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use super::{Outcome, SECRETS, pass_anew, writes};

/// Runs passes, each with caches that hold what has our label by then, until one succeeds.
async fn settle(api: &FakeApi) -> Outcome {
    for _ in 0..7 {
        match pass_anew(api).await {
            Ok(outcome) => return outcome,
            Err(error) => assert!(error.is_race(), "{error}"),
        }
    }
    panic!("it never settled")
}

fn edit(api: &FakeApi, path: &str, edit: impl Fn(&mut Value)) {
    let mut object = api.get(path).unwrap();
    edit(&mut object["metadata"]);
    api.put(path, object);
}

fn secrets(api: &FakeApi) -> Vec<(String, Value)> {
    let secrets = api.objects().into_iter().filter(|object| object["kind"] == "Secret");
    secrets.map(|secret| (secret["metadata"]["name"].to_string(), secret["data"].clone())).collect()
}

#[tokio::test]
async fn a_secret_that_lost_its_labels_has_them_again_and_keeps_its_values() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let before = secrets(&api);
    for name in ["demo-redis", "demo-rabbitmq", "demo-user-service", "demo-broker-users-a", "demo-user-ids"] {
        let path = format!("{SECRETS}/{name}");
        let labels = api.get(&path).unwrap()["metadata"]["labels"].clone();
        edit(&api, &path, |metadata| {
            let labels = metadata["labels"].as_object_mut().unwrap();
            labels.remove("app.kubernetes.io/managed-by");
            labels.insert("theirs".to_owned(), json!("stays"));
            metadata["managedFields"] = json!([{ "manager": "ping-operator", "operation": "Update" }]);
        });
        let outcome = settle(&api).await;
        assert!(outcome.conflicts.is_empty(), "{name}: {:?}", outcome.conflicts);
        let after = api.get(&path).unwrap()["metadata"]["labels"].clone();
        assert!(labels.as_object().unwrap().iter().all(|(label, value)| after[label] == *value), "{name}");
        assert_eq!(after["theirs"], "stays");
    }
    assert_eq!(secrets(&api), before);
}

#[tokio::test]
async fn the_broker_users_in_use_are_not_replaced_because_their_secret_lost_its_labels() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let path = format!("{SECRETS}/demo-broker-users-a");
    let mut moved = api.get(&path).unwrap();
    moved["metadata"]["name"] = json!("demo-broker-users-b");
    moved["metadata"]["labels"] = json!({});
    api.remove(&path);
    let b = format!("{SECRETS}/demo-broker-users-b");
    api.put(&b, moved.clone());
    settle(&api).await;
    assert_eq!(api.get(&path), None);
    assert_eq!(api.get(&b).unwrap()["data"], moved["data"]);
}

#[tokio::test]
async fn a_test_mail_that_lost_its_labels_has_them_again_and_is_not_sent_twice() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let job = writes(&api, "/jobs").remove(0);
    let path = format!("{}/{}", job.path, job.body["metadata"]["name"].as_str().unwrap());
    edit(&api, &path, |metadata| metadata["labels"] = json!({}));
    let outcome = settle(&api).await;
    assert!(outcome.test_mail.is_some() && outcome.conflicts.is_empty(), "{:?}", outcome.conflicts);
    let verbs = writes(&api, "/jobs").into_iter().map(|sent| sent.method).collect::<Vec<_>>();
    assert_eq!(verbs, [Method::POST, Method::PATCH]);
}

/// As after `kubectl delete --cascade=orphan`, with the stack created again.
#[tokio::test]
async fn what_a_stack_of_this_name_left_behind_is_adopted_and_keeps_its_values() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let before = secrets(&api);
    let paths = api.take_requests("").into_iter().filter(|sent| sent.method == Method::PATCH);
    let paths = paths.map(|sent| sent.path).chain(api.objects().into_iter().filter_map(|object| {
        (object["kind"] == "Secret")
            .then(|| format!("{SECRETS}/{}", object["metadata"]["name"].as_str().unwrap()))
    }));
    let paths = paths.filter(|path| api.get(path).is_some()).collect::<Vec<_>>();
    assert!(paths.len() > 15, "{paths:?}");
    for path in &paths {
        edit(&api, path, |metadata| drop(metadata.as_object_mut().unwrap().remove("ownerReferences")));
    }
    let outcome = settle(&api).await;
    assert_eq!(outcome.conflicts, Vec::<String>::new());
    assert_eq!(secrets(&api), before);
    for path in paths.iter().filter(|path| !path.ends_with("/demo-user-ids")) {
        assert_eq!(api.get(path).unwrap()["metadata"]["ownerReferences"][0]["uid"], "0b5ec0de", "{path}");
    }
}
