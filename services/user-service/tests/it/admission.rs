//! Load is shed early, and no request outlasts its deadline.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use test_kit::wait::wait_until;
use user_service::endpoints::LoginConcurrency;

use crate::support::{Answering, DEADLINE, Setup};

#[tokio::test]
async fn beyond_the_places_requests_are_turned_away_at_once() {
    let service = Arc::new(Setup::default().max_in_flight(1).start().await);
    service.outbox.answer(Answering::Never);
    let waiting = Arc::clone(&service);
    let first = tokio::spawn(async move { waiting.login("ada@example.org").await });
    wait_until("the first to be in work", DEADLINE, || async { service.outbox.count() == 1 }).await;
    let answer = service.login("eve@example.org").await.expect(503);
    assert_eq!(answer.json["code"], "overloaded");
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    // The first ends at its own deadline, with an answer.
    assert_eq!(first.await.unwrap().expect(503).json["code"], "unavailable");
    service.outbox.answer(Answering::Confirmed);
    service.login("eve@example.org").await.expect(200);
    let metrics = service.metrics.encode();
    assert!(metrics.contains(r#"ping_http_requests_shed_total{reason="in_flight"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"ping_http_requests_shed_total{reason="deadline"} 1"#), "{metrics}");
}

#[tokio::test]
async fn where_logins_are_slow_more_of_them_are_turned_away_and_verifying_goes_on() {
    let limit = LoginConcurrency::new(1, Duration::from_secs(1));
    let service = Arc::new(Setup::default().login_concurrency(limit).start().await);
    let (code, _) = service.code_for("bob@example.org").await;
    service.outbox.answer(Answering::Never);
    let waiting = Arc::clone(&service);
    let first = tokio::spawn(async move { waiting.login("ada@example.org").await });
    wait_until("the second mail to be handed over", DEADLINE, || async { service.outbox.count() == 2 }).await;
    let answer = service.login("eve@example.org").await.expect(503);
    assert_eq!((&answer.json["code"], answer.header("retry-after")), (&json!("overloaded"), "2"));
    service.verify("bob@example.org", &code).await.expect(200);
    let metrics = service.metrics.encode();
    assert!(metrics.contains(r#"ping_http_requests_shed_total{reason="slow_logins"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"ping_login_requests_total{outcome="shed"} 1"#), "{metrics}");
    first.abort();
}

#[tokio::test]
async fn a_browser_may_ask_from_anywhere_and_read_what_it_needs() {
    let service = Setup::default().start().await;
    let preflight = axum::http::Request::options("/api/v1/login")
        .header("origin", "https://app.example.org")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,idempotency-key");
    let answer = service.send(preflight.body(axum::body::Body::empty()).unwrap()).await.expect(204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert!(answer.header("access-control-allow-headers").contains("idempotency-key"), "{answer:?}");
    for body in [json!({ "email": "ada@example.org" }), json!({ "email": "ada@example.org" }), json!([])] {
        let answer = service.post("/api/v1/login", &body, &[("origin", "https://app.example.org")]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "retry-after,ratelimit,ratelimit-policy,x-request-id"
        );
    }
}
