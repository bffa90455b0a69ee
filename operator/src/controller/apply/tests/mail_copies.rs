//! Copies of the templates of mails: what pods mount, and what of it goes.

use http::Method;
use pingstack_crd::PingStack;
use serde_json::{Value, json};
use test_kit::fake_api::FakeApi;

use super::{CONFIG_MAPS, DEPLOYMENTS, pass_of};
use crate::fixtures;

const MAIL_SERVICE: &str = "demo-mail-service";

fn put_words(api: &FakeApi, words: &str) {
    let data = json!({ "words.en.json": words });
    let config_map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "mail-words" }, "data": data });
    api.put(&format!("{CONFIG_MAPS}/mail-words"), config_map);
}

async fn pass(api: &FakeApi, stack: &PingStack) {
    Box::pin(pass_of(&fixtures::context(api), stack)).await.unwrap();
}

/// The name of the copy that the pods mount; `None` if they mount none.
fn mounted(api: &FakeApi) -> Option<String> {
    let deployment = api.get(&format!("{DEPLOYMENTS}/{MAIL_SERVICE}")).unwrap();
    let volumes = deployment["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let volume = volumes.iter().find(|volume| volume["name"] == "mail-templates")?.clone();
    volume["configMap"]["name"].as_str().map(str::to_owned)
}

/// The copies that there are.
fn copies(api: &FakeApi) -> Vec<String> {
    let objects = api.objects();
    let copies = objects.iter().filter(|object| object["kind"] == "ConfigMap" && object["immutable"] == true);
    copies.map(|copy| copy["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// As the controller of Deployments has it when every pod is of the newest template, or while an old one is left.
fn roll(api: &FakeApi, is_complete: bool) {
    let path = format!("{DEPLOYMENTS}/{MAIL_SERVICE}");
    let mut deployment = api.get(&path).unwrap();
    let pods = if is_complete { 1 } else { 2 };
    deployment["metadata"]["generation"] = json!(1);
    deployment["spec"]["replicas"] = json!(1);
    deployment["status"] =
        json!({ "replicas": pods, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1 });
    api.put(&path, deployment);
}

#[tokio::test]
async fn a_bad_edit_changes_nothing_and_the_corrected_one_rolls_the_pods_once() {
    let api = FakeApi::default();
    let stack = fixtures::branded();
    put_words(&api, "{\"heading\": \"One\"}");
    pass(&api, &stack).await;
    let first = mounted(&api).unwrap();
    let copy = api.get(&format!("{CONFIG_MAPS}/{first}")).unwrap();
    assert_eq!(copy["data"]["words.en.json"], "{\"heading\": \"One\"}");
    assert_eq!(copy["metadata"]["ownerReferences"][0]["uid"], "0b5ec0de");
    let template = |api: &FakeApi| {
        api.get(&format!("{DEPLOYMENTS}/{MAIL_SERVICE}")).unwrap()["spec"]["template"].clone()
    };
    let before = template(&api);
    for bad in ["{", "{\"headline\": \"x\"}", "{\"subject\": \"no code\"}"] {
        put_words(&api, bad);
        pass(&api, &stack).await;
        assert_eq!(template(&api), before, "{bad}");
    }
    api.remove(&format!("{CONFIG_MAPS}/mail-words"));
    pass(&api, &stack).await;
    assert_eq!(template(&api), before, "the ConfigMap was deleted");
    put_words(&api, "{\"heading\": \"Two\"}");
    pass(&api, &stack).await;
    assert_ne!(mounted(&api).unwrap(), first);
    let after = template(&api);
    pass(&api, &stack).await;
    assert_eq!(template(&api), after);
}

#[tokio::test]
async fn a_copy_goes_when_no_pod_of_an_older_template_is_left() {
    let api = FakeApi::default();
    let stack = fixtures::branded();
    put_words(&api, "{\"heading\": \"One\"}");
    pass(&api, &stack).await;
    let first = mounted(&api).unwrap();
    put_words(&api, "{\"heading\": \"Two\"}");
    pass(&api, &stack).await;
    let second = mounted(&api).unwrap();
    roll(&api, false);
    pass(&api, &stack).await;
    let mut both = vec![first, second.clone()];
    both.sort();
    assert_eq!(copies(&api), both, "an old pod may start again");
    roll(&api, true);
    pass(&api, &stack).await;
    assert_eq!(copies(&api), [second]);
}

#[tokio::test]
async fn a_new_stack_whose_config_map_is_bad_or_missing_has_the_shipped_layout() {
    for words in [None, Some("{")] {
        let api = FakeApi::default();
        if let Some(words) = words {
            put_words(&api, words);
        }
        pass(&api, &fixtures::branded()).await;
        let copy = api.get(&format!("{CONFIG_MAPS}/{}", mounted(&api).unwrap())).unwrap();
        let keys = copy["data"].as_object().unwrap().keys().collect::<Vec<_>>();
        assert_eq!(keys, ["brand.json"], "{words:?}");
    }
}

#[tokio::test]
async fn a_deployment_that_was_deleted_comes_back_with_the_last_good_copy() {
    let api = FakeApi::default();
    let stack = fixtures::branded();
    put_words(&api, "{\"heading\": \"One\"}");
    pass(&api, &stack).await;
    let first = mounted(&api);
    put_words(&api, "{");
    api.remove(&format!("{DEPLOYMENTS}/{MAIL_SERVICE}"));
    pass(&api, &stack).await;
    assert_eq!(mounted(&api), first);
}

#[tokio::test]
async fn the_users_own_config_map_is_read_and_never_written() {
    let api = FakeApi::default();
    put_words(&api, "{\"heading\": \"One\"}");
    pass(&api, &fixtures::branded()).await;
    let sent = api.take_requests("/configmaps/mail-words");
    assert!(!sent.is_empty() && sent.iter().all(|sent| sent.method == Method::GET), "{sent:?}");
}

#[tokio::test]
async fn what_was_branded_and_is_no_longer_leaves_no_copy_behind() {
    let api = FakeApi::default();
    let mut stack = fixtures::branded();
    put_words(&api, "{\"heading\": \"One\"}");
    pass(&api, &stack).await;
    stack.spec.mail = pingstack_crd::mail::Mail::default();
    pass(&api, &stack).await;
    let env: Value = api.get(&format!("{DEPLOYMENTS}/{MAIL_SERVICE}")).unwrap();
    assert!(mounted(&api).is_none() && !env.to_string().contains("MAIL_TEMPLATES"));
    assert_eq!(copies(&api).len(), 1, "until the pods have rolled");
    roll(&api, true);
    pass(&api, &stack).await;
    assert_eq!(copies(&api), Vec::<String>::new());
}
