use axum::{body::to_bytes, response::IntoResponse as _};
use serde_json::Value;

use super::Problem;
use crate::rate_limits::{Policy, Refusal};

async fn answer(problem: Problem) -> (axum::http::HeaderMap, Value) {
    let response = problem.into_response();
    let headers = response.headers().clone();
    let body = to_bytes(response.into_body(), 64 * 1024).await.unwrap();
    (headers, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_problem_has_every_member_and_the_message_of_the_original() {
    let (headers, body) = answer(Problem::fields_required("/otp")).await;
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(body["type"], "https://pingstack.dev/problems/fields-required");
    assert_eq!(body["status"], 400);
    assert_eq!(body["message"], "Email and OTP are required");
    assert_eq!(body["detail"], body["message"]);
    assert_eq!(body["code"], "fields-required");
    assert_eq!(body["errors"][0]["pointer"], "/otp");
    assert!(body["instance"].as_str().unwrap().starts_with("urn:uuid:"), "{body}");
    assert!(body.get("violated-policies").is_none() && body.get("attempts_remaining").is_none(), "{body}");
}

#[tokio::test]
async fn a_refusal_says_how_long_and_why() {
    let refusal = Refusal::from_ends(&[(Policy::LoginResend, 60_500)], 1_000).unwrap();
    let (headers, body) = answer(Problem::too_many_logins(refusal)).await;
    assert_eq!(headers["retry-after"], "60");
    assert_eq!(headers["ratelimit"], r#""login-resend";r=0;t=60"#);
    assert_eq!(body["violated-policies"][0], "login-resend");
    assert_eq!(body["message"], "Too many requests. Please wait before requesting another OTP.");
}

#[tokio::test]
async fn every_503_says_when_to_come_back() {
    for problem in [Problem::unavailable(), Problem::overloaded(), Problem::code_in_use()] {
        let (headers, body) = answer(problem).await;
        assert_eq!(headers["retry-after"], "2");
        assert_eq!(body["status"], 503);
    }
}
