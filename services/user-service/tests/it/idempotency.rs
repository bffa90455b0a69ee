//! `Idempotency-Key`: a client that repeats a login gets the same answer and no second mail.

use std::sync::Arc;

use redis::AsyncCommands as _;
use serde_json::json;
use test_kit::wait::wait_until;

use crate::support::{Answer, Answering, DEADLINE, Service};

const ADA: &str = "ada@example.org";
const KEY: &str = "0123456789abcdef-key";

async fn login(service: &Service, email: &str, key: &str) -> Answer {
    service.post("/api/v1/login", &json!({ "email": email }), &[("idempotency-key", key)]).await
}

#[tokio::test]
async fn the_same_request_again_is_answered_the_same_and_mailed_once() {
    let service = Service::start().await;
    let first = login(&service, ADA, KEY).await.expect(200);
    // The body's fingerprint is of what it means.
    let again = login(&service, "Ada@Example.org", KEY).await.expect(200);
    assert_eq!(again.json, first.json);
    assert_eq!(service.outbox.count(), 1);
    let challenge = again.json["challenge"].as_str().unwrap();
    service.verify_with(challenge, ADA, &service.outbox.last_code(ADA)).await.expect(200);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_422() {
    let service = Service::start().await;
    login(&service, ADA, KEY).await.expect(200);
    let answer = login(&service, "eve@example.org", KEY).await.expect(422);
    assert_eq!(answer.json["code"], "idempotency-key-reused");
    login(&service, "eve@example.org", "another-key-of-16+").await.expect(200);
}

#[tokio::test]
async fn while_the_first_is_in_flight_the_second_is_a_409() {
    let service = Arc::new(Service::start().await);
    service.outbox.answer(Answering::Never);
    let waiting = Arc::clone(&service);
    let first = tokio::spawn(async move { login(&waiting, ADA, KEY).await });
    wait_until("the first to be handed over", DEADLINE, || async { service.outbox.count() == 1 }).await;
    let answer = login(&service, ADA, KEY).await.expect(409);
    assert_eq!(answer.header("retry-after"), "1");
    first.abort();
}

#[tokio::test]
async fn a_refused_publish_takes_the_key_back_so_that_the_retry_goes_through() {
    for answering in [Answering::Refused, Answering::Unknown] {
        let service = Service::start().await;
        service.outbox.answer(answering);
        login(&service, ADA, KEY).await.expect(503);
        service.outbox.answer(Answering::Confirmed);
        login(&service, ADA, KEY).await.expect(200);
        login(&service, ADA, KEY).await.expect(200);
        assert_eq!(service.outbox.count(), 2, "{answering:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let service = Service::start().await;
    service.login(ADA).await.expect(200);
    login(&service, ADA, KEY).await.expect(429);
    let _: u32 = service.redis().await.del(format!("otp:ratelimit:{ADA}")).await.unwrap();
    login(&service, ADA, KEY).await.expect(200);
}

#[tokio::test]
async fn the_key_lies_in_redis_as_an_hmac_as_long_as_the_code() {
    let service = Service::start().await;
    login(&service, ADA, KEY).await.expect(200);
    let keys = service.keys().await;
    assert!(keys.iter().all(|key| !key.contains(KEY)), "{keys:?}");
    let kept = keys.iter().find(|key| key.starts_with("idempotency:")).unwrap();
    let value: String = service.redis().await.get(kept).await.unwrap();
    assert!(!value.contains(KEY) && !value.contains(ADA), "{value}");
    let left: i64 = service.redis().await.pttl(kept).await.unwrap();
    assert!((290_000..=300_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_a_400() {
    let service = Service::start().await;
    let answer = login(&service, ADA, &"x".repeat(256)).await.expect(400);
    assert_eq!(answer.json["code"], "invalid-idempotency-key");
    assert_eq!(service.outbox.count(), 0);
}

#[tokio::test]
async fn a_short_key_is_that_of_one_address_and_one_client() {
    let service = Service::start().await;
    let first = login(&service, ADA, "1").await.expect(200);
    let again = login(&service, ADA, "1").await.expect(200);
    assert_eq!(again.json["challenge"], first.json["challenge"]);
    login(&service, "eve@example.org", "1").await.expect(200);
    // Another client learns nothing of the first one's challenge.
    let headers = [("idempotency-key", "1"), ("x-forwarded-for", "198.51.100.9")];
    service.post("/api/v1/login", &json!({ "email": ADA }), &headers).await.expect(429);
    assert_eq!(service.outbox.count(), 2);
}
