//! Words and layouts of the user's own: what is wrong in them reaches no mail.

use cluster::{
    Case, deadline,
    wait::{chain, eventually, seen},
};
use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::ConfigMap};
use serde_json::{Value, json};

const CONDITION: &str = "TemplatesReady";
const WORDS: &str = "mail-words";
const MAIL_SERVICE: &str = "demo-mail-service";
/// The mistake is in the third line.
const BAD: &str = "{\n  \"heading\": \"Hello\",\n  \"headline\": \"Hello\"\n}";

#[tokio::test]
async fn a_bad_edit_of_the_templates_leaves_the_last_good_ones_in_use() {
    Case::run(async |case: &Case| {
        write(case, "{\"heading\": \"One\"}").await;
        let templates = json!({ "style": "Branded", "configMapRef": { "name": WORDS } });
        let mail = json!({
            "brand": { "name": "Ping" }, "templates": templates, "sealing": { "enabled": true },
        });
        let demo = case.ready_stack(json!({ "mail": mail })).await;
        demo.wait_reason(CONDITION, "Applied", deadline::OPERATOR).await;
        wait_copies(case, "One").await;
        let before = (pods(case).await, rollouts(case).await);
        // A bad edit, then a ConfigMap that is gone: neither reaches a pod.
        write(case, BAD).await;
        let bad = demo.wait_reason(CONDITION, "UsingLastGood", deadline::OPERATOR).await;
        assert!(bad.message.contains("words.en.json:3: "), "{bad:?}");
        demo.user("ada@example.org").sign_in().await;
        case.delete::<ConfigMap>(WORDS).await;
        demo.wait_reason(CONDITION, "ConfigMapMissing", deadline::OPERATOR).await;
        demo.user("bob@example.org").sign_in().await;
        assert_eq!((pods(case).await, rollouts(case).await), before, "a pod was replaced, or will be");
        assert_eq!(demo.condition("Ready").await.map(|ready| ready.status).as_deref(), Some("True"));
        // The corrected one is rolled out once, and the copy before it goes.
        write(case, "{\"heading\": \"Two\"}").await;
        demo.wait_reason(CONDITION, "Applied", deadline::OPERATOR).await;
        case.wait_deployment(MAIL_SERVICE, deadline::SERVER).await;
        wait_copies(case, "Two").await;
        assert_eq!(rollouts(case).await, before.1 + 1);
        demo.user("cy@example.org").sign_in_eventually().await;
        demo.wait_ready().await;
    })
    .await;
}

/// Writes the user's ConfigMap with these English words.
async fn write(case: &Case, words: &str) {
    let object = json!({ "metadata": { "name": WORDS }, "data": { "words.en.json": words } });
    let _: ConfigMap = case.apply(object).await;
}

/// The uids of mail-service's pods.
async fn pods(case: &Case) -> Vec<Option<String>> {
    let pods = case.pods_of("demo", "mail-service").await;
    pods.into_iter().map(|pod| pod.metadata.uid).collect()
}

/// How many templates mail-service's pods have had: each has a ReplicaSet.
async fn rollouts(case: &Case) -> usize {
    let selector = "pingstack.dev/stack=demo,pingstack.dev/part=mail-service";
    case.names::<ReplicaSet>(selector).await.unwrap_or_else(|error| panic!("ReplicaSets: {error}")).len()
}

/// Waits until there is one copy, with this heading.
async fn wait_copies(case: &Case, heading: &str) {
    eventually(format!("one copy with the heading {heading}"), deadline::SERVER, async || {
        let listed = case.api::<ConfigMap>().list(&Default::default()).await.map_err(chain)?;
        let copies = listed.items.into_iter().filter(|one| one.immutable == Some(true));
        let words =
            copies.map(|copy| copy.data.unwrap_or_default().remove("words.en.json").unwrap_or_default());
        let words = words.collect::<Vec<_>>();
        let headings = words.iter().map(|words| serde_json::from_str::<Value>(words).unwrap_or_default());
        let headings = headings.map(|words| words["heading"].clone()).collect::<Vec<_>>();
        seen(headings == [json!(heading)], || format!("{headings:?}"))
    })
    .await;
}
