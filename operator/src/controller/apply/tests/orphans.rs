//! What nobody needs any more.

use http::Method;
use test_kit::fake_api::FakeApi;

use super::{CONFIG_MAPS, child, pass_anew};
use crate::{
    fixtures,
    names::OWN_SELECTOR,
    watches::{Children, Watches},
};

#[tokio::test]
async fn what_nobody_needs_any_more_goes_if_it_is_ours_by_label_and_by_owner() {
    let api = FakeApi::default();
    api.put(&format!("{CONFIG_MAPS}/demo-old"), child("ConfigMap", "demo-old", Some("0b5ec0de")));
    api.put(&format!("{CONFIG_MAPS}/theirs"), child("ConfigMap", "theirs", Some("another stack")));
    api.put(&format!("{CONFIG_MAPS}/nobodys"), child("ConfigMap", "nobodys", None));
    let uid = api.get(&format!("{CONFIG_MAPS}/demo-old")).unwrap()["metadata"]["uid"].clone();
    pass_anew(&api).await.unwrap();
    let requests = api.take_requests("");
    let deleted = requests.iter().filter(|sent| sent.method == Method::DELETE).collect::<Vec<_>>();
    assert_eq!(deleted.len(), 1, "{deleted:?}");
    assert_eq!(deleted[0].path, format!("{CONFIG_MAPS}/demo-old"));
    assert_eq!(deleted[0].body["preconditions"]["uid"], uid);
}

/// What has not our label is in no cache, and so never an orphan.
#[tokio::test]
async fn only_what_has_our_label_is_watched() {
    let api = FakeApi::default();
    let shutdown = service_kit::shutdown::Shutdown::new();
    let client = api.client();
    let metrics = fixtures::metrics();
    let watches =
        Watches { client: &client, namespace: Some("team"), shutdown: &shutdown, metrics: &metrics };
    let (touched, _receiver) = futures::channel::mpsc::unbounded();
    assert!(Children::watch(&watches, &touched).filled().await);
    let lists = api.take_requests("");
    assert_eq!(lists.len(), 12, "{lists:?}");
    let selector = format!("labelSelector={}", OWN_SELECTOR.replace('/', "%2F").replace('=', "%3D"));
    assert!(lists.iter().all(|sent| sent.query.contains(&selector)), "{lists:?}");
}
