use http::{Method, StatusCode};
use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use super::{Sources, Wanted, read};
use crate::{
    controller::branding::{files::Copy, files_of},
    fixtures,
};

const CONFIG_MAPS: &str = "/api/v1/namespaces/team/configmaps";
const GOOD: &str = "{\"heading\": \"Hello\"}";
const BAD: &str = "{\n  \"heading\": \"Hello\",\n  \"headline\": \"Hello\"\n}";

/// The user's ConfigMap with these words.
fn put_words(api: &FakeApi, words: &str) {
    let words = json!({ "words.en.json": words });
    let config_map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "mail-words" }, "data": words });
    api.put(&format!("{CONFIG_MAPS}/mail-words"), config_map);
}

/// A copy of these files that the stack made at this minute; its name.
fn put_copy(api: &FakeApi, files: &[(&str, &str)], minute: u32) -> String {
    let copy = Copy { brand: "{}".to_owned(), files: files_of(files) };
    let name = copy.name(&fixtures::stack_id());
    let mut metadata = own(&name);
    metadata["creationTimestamp"] = json!(format!("2026-11-29T12:{minute:02}:00Z"));
    let object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": copy.data() });
    api.put(&format!("{CONFIG_MAPS}/{name}"), object);
    name
}

fn put_deployment(api: &FakeApi, copy: &str) {
    let volumes = json!([{ "name": "mail-templates", "configMap": { "name": copy } }]);
    let pod = json!({ "containers": [], "volumes": volumes });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": own("demo-mail-service"),
        "spec": { "selector": {}, "template": { "spec": pod } },
    });
    api.put("/apis/apps/v1/namespaces/team/deployments/demo-mail-service", deployment);
}

fn own(name: &str) -> Value {
    json!({
        "name": name, "namespace": "team", "labels": { "app.kubernetes.io/managed-by": "ping-operator" },
        "ownerReferences": [{ "apiVersion": "v1", "kind": "PingStack", "name": "demo", "uid": "0b5ec0de" }],
    })
}

async fn sources(api: &FakeApi) -> Sources {
    let mail = fixtures::branded().spec.mail;
    read(&fixtures::context(api), &mail, &fixtures::stack_id()).await
}

/// The words of the last good one, if there is one.
fn last_good(sources: &Sources) -> Option<Value> {
    let words = sources.last_good.as_ref()?.files.contents().remove("words.en.json")?;
    Some(serde_json::from_slice(&words).unwrap())
}

#[tokio::test]
async fn a_config_map_is_read_and_checked() {
    let api = FakeApi::default();
    put_words(&api, GOOD);
    let Wanted::Read { checked: Ok(passed), .. } = sources(&api).await.wanted else { panic!("it passes") };
    assert_eq!(passed.files, files_of(&[("words.en.json", GOOD)]));
    put_words(&api, BAD);
    let Wanted::Read { checked: Err(findings), .. } = sources(&api).await.wanted else {
        panic!("it does not")
    };
    assert_eq!((findings[0].file.as_str(), findings[0].line), ("words.en.json", Some(3)));
}

#[tokio::test]
async fn a_config_map_of_a_mebibyte_is_refused() {
    let api = FakeApi::default();
    put_words(&api, &format!("{{\"heading\": \"{}\"}}", "a".repeat(1024 * 1024)));
    let Wanted::Read { checked: Err(findings), .. } = sources(&api).await.wanted else { panic!("too large") };
    assert!(findings[0].fix.contains("smaller"), "{findings:?}");
}

#[tokio::test]
async fn what_pods_mount_is_the_last_good_one_and_without_pods_the_newest() {
    let api = FakeApi::default();
    put_words(&api, BAD);
    assert_eq!(last_good(&sources(&api).await), None);
    let mounted = put_copy(&api, &[("words.en.json", "{\"heading\": \"Mounted\"}")], 1);
    put_copy(&api, &[("words.en.json", "{\"heading\": \"Newer\"}")], 3);
    put_copy(&api, &[("words.en.json", "{\"heading\": \"Older\"}")], 2);
    assert_eq!(last_good(&sources(&api).await).unwrap()["heading"], "Newer");
    put_deployment(&api, &mounted);
    assert_eq!(last_good(&sources(&api).await).unwrap()["heading"], "Mounted");
    api.remove(&format!("{CONFIG_MAPS}/mail-words"));
    let deleted = sources(&api).await;
    assert!(matches!(deleted.wanted, Wanted::Missing { .. }));
    assert_eq!(last_good(&deleted).unwrap()["heading"], "Mounted");
}

#[tokio::test]
async fn a_copy_that_this_release_would_refuse_is_not_the_last_good_one() {
    let api = FakeApi::default();
    put_words(&api, BAD);
    put_copy(&api, &[("words.en.json", BAD)], 1);
    assert_eq!(last_good(&sources(&api).await), None);
}

#[tokio::test]
async fn a_config_map_that_the_api_server_does_not_hand_out_fails_nothing() {
    let api = FakeApi::default();
    api.fail(Method::GET, "/configmaps/mail-words", StatusCode::FORBIDDEN);
    let Wanted::Unreadable { name, why } = sources(&api).await.wanted else { panic!("it is refused") };
    assert_eq!(name, "mail-words");
    assert!(why.contains("403"), "{why}");
}
