//! Every wrong request has its status and a problem body that never quotes it.

use axum::{
    body::Body,
    http::{Method, Request},
};

use crate::support::{Answer, Service};

const LOGIN: &str = "/api/v1/login";
const VERIFY: &str = "/api/v1/verify-otp";

async fn send(service: &Service, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path).header("content-type", content_type).body(body.into()).unwrap();
    service.send(request).await
}

/// Checks what every problem has in common.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    assert_eq!((answer.json["status"].as_u64(), &answer.json["code"]), (Some(status.into()), &code.into()));
    assert!(!answer.message().is_empty(), "{answer:?}");
    assert!(!answer.text.contains("s3cret") && !answer.text.contains("482931"), "{answer:?}");
}

#[tokio::test]
async fn wrong_logins_are_told_what_is_wrong_and_never_quoted() {
    let service = Service::start().await;
    let long = format!(r#"{{"email":"s3cret{}@example.org"}}"#, "a".repeat(300));
    for (body, code) in [
        ("", "malformed-body"),
        (r#"{"email":"s3cret@example.org""#, "malformed-body"),
        (r#""s3cret@example.org""#, "malformed-body"),
        (r#"["s3cret@example.org"]"#, "malformed-body"),
        (r#"{"email":"s3cret@example.org","email":"s3cret@example.org"}"#, "malformed-body"),
        ("{\"email\":\"s3cret\u{0}@example.org\"}", "malformed-body"),
        ("{}", "email-required"),
        (r#"{"Email":"s3cret@example.org"}"#, "email-required"),
        (r#"{"email":{"s3cret":1}}"#, "email-required"),
        (r#"{"email":482931}"#, "email-required"),
        (r#"{"email":"s3cret"}"#, "invalid-address"),
        (r#"{"email":"s3cret@localhost"}"#, "invalid-address"),
        (r#"{"email":"s3cret@[127.0.0.1]"}"#, "invalid-address"),
        (r#"{"email":"\"s3cret\"@example.org"}"#, "invalid-address"),
        (r#"{"email":"s3cret@example.org\r\nBcc: eve@example.org"}"#, "invalid-address"),
        (r#"{"email":"s3cret\u0000@example.org"}"#, "invalid-address"),
        (r#"{"email":"s3cret\u212a@example.org"}"#, "invalid-address"),
        (r#"{"email":"s3cret@example.org,eve@example.org"}"#, "invalid-address"),
        (&long, "invalid-address"),
    ] {
        let answer = send(&service, LOGIN, "application/json", body.to_owned()).await;
        assert_problem(&answer, 400, code);
        assert_eq!(answer.json["errors"][0]["pointer"].is_string(), code != "malformed-body", "{answer:?}");
    }
    let not_utf8 =
        send(&service, LOGIN, "application/json", b"{\"email\":\"s3cret\xff@example.org\"}".to_vec()).await;
    assert_problem(&not_utf8, 400, "malformed-body");
    assert_eq!((service.outbox.count(), service.keys().await.len()), (0, 0));
}

#[tokio::test]
async fn wrong_verifications_are_told_what_is_wrong_and_never_quoted() {
    let service = Service::start().await;
    for (body, code) in [
        (r#"{"email":"s3cret@example.org","otp":"482931"#, "malformed-body"),
        (r#"{"email":"s3cret@example.org"}"#, "fields-required"),
        (r#"{"otp":"482931"}"#, "fields-required"),
        (r#"{"email":"","otp":"482931"}"#, "fields-required"),
        (r#"{"email":"s3cret@example.org","otp":482931}"#, "fields-required"),
        (r#"{"email":"s3cret","otp":"482931"}"#, "invalid-address"),
        (r#"{"email":"s3cret@example.org","otp":"4829310"}"#, "invalid-code"),
        (r#"{"email":"s3cret@example.org","otp":"482931"}"#, "invalid-code"),
        (r#"{"email":"s3cret@example.org","otp":"482931","challenge":["s3cret"]}"#, "invalid-challenge"),
    ] {
        let answer = send(&service, VERIFY, "application/json", body.to_owned()).await;
        assert_problem(&answer, 400, code);
        if code == "fields-required" {
            assert_eq!(answer.message(), "Email and OTP are required");
        }
    }
}

#[tokio::test]
async fn other_content_types_are_a_415() {
    let service = Service::start().await;
    let body = r#"{"email":"s3cret@example.org"}"#;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_problem(&send(&service, LOGIN, content_type, body).await, 415, "unsupported-media-type");
    }
    let none = service.send(Request::post(LOGIN).body(Body::from(body)).unwrap()).await;
    assert_problem(&none, 415, "unsupported-media-type");
}

#[tokio::test]
async fn a_body_over_16_kib_is_a_413() {
    let service = Service::start().await;
    let padded = |octets: usize| {
        let start = r#"{"email":"ada@example.org","x":""#;
        format!("{start}{}\"}}", "x".repeat(octets - start.len() - 2))
    };
    send(&service, LOGIN, "application/json", padded(16 * 1024)).await.expect(200);
    for octets in [16 * 1024 + 1, 1 << 20] {
        assert_problem(
            &send(&service, LOGIN, "application/json", padded(octets)).await,
            413,
            "body-too-large",
        );
    }
    // Without a length, as a stream of chunks.
    let chunks = futures::stream::iter((0..8).map(|_| Ok::<_, std::io::Error>(vec![b' '; 4096])));
    assert_problem(
        &send(&service, LOGIN, "application/json", Body::from_stream(chunks)).await,
        413,
        "body-too-large",
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_have_problem_bodies_too() {
    let service = Service::start().await;
    for path in ["/", "/api", "/api/v1/login/", "/api/v2/login", "/api/v1/s3cret"] {
        let answer = service.send(Request::post(path).body(Body::empty()).unwrap()).await;
        assert_problem(&answer, 404, "not-found");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder().method(method).uri(LOGIN).body(Body::empty()).unwrap();
        let answer = service.send(request).await;
        assert_problem(&answer, 405, "method-not-allowed");
        assert_eq!(answer.header("allow"), "POST");
    }
}
