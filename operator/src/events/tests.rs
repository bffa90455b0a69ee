use http::Method;
use k8s_openapi::{
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use serde_json::Value;
use test_kit::fake_api::FakeApi;

use super::{Creations, Events, LONGEST_NOTE, Notice};
use crate::{
    conditions::{ConditionType, Finding, stamp},
    fixtures,
};

fn missing(secret: &str) -> Condition {
    let finding =
        Finding::bad(ConditionType::Ready, "SecretMissing", format!("the Secret {secret} does not exist"));
    stamp(vec![finding], &[], Some(1), &Time(Timestamp::UNIX_EPOCH)).remove(0)
}

/// The texts and counts of the Events that were sent.
async fn sent(notices: impl IntoIterator<Item = Notice>) -> Vec<(String, i64)> {
    let api = FakeApi::default();
    let events = Events::new(api.client(), "test".to_owned());
    for notice in notices {
        events.notify(&fixtures::stack_id(), notice).await;
    }
    let requests = api.take_requests("/events");
    assert!(requests.iter().all(|sent| sent.method != Method::PUT), "{requests:?}");
    let stored = api.objects().into_iter().filter(|object| object["reportingController"].is_string());
    let text = |event: &Value| event["note"].as_str().unwrap().to_owned();
    let count = |event: &Value| event["series"]["count"].as_i64().unwrap_or(1);
    stored.map(|event| (text(&event), count(&event))).collect()
}

#[tokio::test]
async fn each_text_is_an_event_of_its_own_and_a_repeated_one_is_counted() {
    let notices = ["smtp", "directory", "smtp"].map(|secret| Notice::condition(&missing(secret), true));
    let said = |secret: &str| format!("Ready: the Secret {secret} does not exist");
    assert_eq!(sent(notices).await, [(said("smtp"), 2), (said("directory"), 1)]);
}

#[tokio::test]
async fn a_text_that_the_api_server_would_refuse_is_shortened() {
    let notices = [Notice::condition(&missing(&"é".repeat(600)), true)];
    let sent = sent(notices).await;
    assert!(sent[0].0.len() <= LONGEST_NOTE && sent[0].0.ends_with('…'), "{sent:?}");
}

#[tokio::test]
async fn what_one_pass_created_is_one_event() {
    let secret = |name: &str| Secret::clone(&fixtures::secret(name, &[]));
    let mut creations = Creations::default();
    assert!(Creations::default().into_notice().is_none());
    creations.note(&secret("demo-redis"));
    assert_eq!(sent(creations.into_notice()).await, [("created the Secret demo-redis".to_owned(), 1)]);
    let mut creations = Creations::default();
    for name in ["a", "b"] {
        creations.note(&secret(name));
    }
    creations.note(&k8s_openapi::api::core::v1::ConfigMap::default());
    let note = "created 3 objects: Secret (2), ConfigMap (1)".to_owned();
    assert_eq!(sent(creations.into_notice()).await, [(note, 1)]);
}
