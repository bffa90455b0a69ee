//! What is made once: secrets, and the Job of a test mail.

use http::Method;
use test_kit::fake_api::FakeApi;

use super::{Error, SECRETS, pass, pass_anew, writes};
use crate::fixtures;

#[tokio::test]
async fn secrets_are_made_once_and_never_applied_over() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let made = writes(&api, SECRETS);
    assert_eq!(made.len(), 5);
    assert!(made.iter().all(|sent| sent.method == Method::POST), "{made:?}");
    let password = api.get(&format!("{SECRETS}/demo-redis")).unwrap()["data"].clone();
    pass_anew(&api).await.unwrap();
    assert_eq!(writes(&api, SECRETS), []);
    assert_eq!(api.get(&format!("{SECRETS}/demo-redis")).unwrap()["data"], password);
}

#[tokio::test]
async fn a_secret_that_the_cache_has_not_seen_yet_is_read_again_and_kept() {
    let api = FakeApi::default();
    let behind = fixtures::context(&api);
    pass_anew(&api).await.unwrap();
    let made = api.get(&format!("{SECRETS}/demo-redis"));
    assert!(matches!(pass(&behind).await, Err(Error::Exists { kind: "Secret", .. })));
    assert_eq!(api.get(&format!("{SECRETS}/demo-redis")), made);
}

#[tokio::test]
async fn a_test_mail_is_asked_for_once_and_never_applied_over() {
    let api = FakeApi::default();
    pass_anew(&api).await.unwrap();
    let made = writes(&api, "/jobs");
    assert_eq!(made.iter().map(|sent| &sent.method).collect::<Vec<_>>(), [Method::POST]);
    let outcome = pass_anew(&api).await.unwrap();
    assert_eq!(writes(&api, "/jobs"), []);
    assert!(outcome.test_mail.is_some());
}
