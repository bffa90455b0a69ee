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
        (r#"{"email":"s3cret@example.org","otp":482931}"#, "invalid-code"),
        (r#"{"email":"s3cret@example.org","otp":["482931"]}"#, "invalid-code"),
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
    for path in ["/", "/api", "/api/v1/login//", "//api/v1/login", "/api/v2/login", "/api/v1/s3cret"] {
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

#[tokio::test]
async fn paths_are_taken_in_any_letter_case_and_with_a_slash_at_the_end() {
    let service = Service::start().await;
    for (path, email) in [
        ("/api/v1/login/", "a@example.org"),
        ("/API/V1/LOGIN", "b@example.org"),
        ("/api/v1/Login/?x=Y", "c@example.org"),
        ("/Api/v1/login/?", "d@example.org"),
    ] {
        let body = format!(r#"{{"email":"{email}"}}"#);
        send(&service, path, "application/json", body).await.expect(200);
    }
    let token = service.sign_in("ada@example.org").await.json["token"].as_str().unwrap().to_owned();
    for path in ["/api/v1/Users/Me", "/api/v1/users/me/", "/API/v1/USERS/ME"] {
        let me = service.ask("GET", path, Some(&token)).await.expect(200);
        assert_eq!(me.json["user"]["email"], "ada@example.org", "{path}");
    }
    for path in ["/AUTHZ", "/authz/", "/Authz/App/Page", "/AUTHZ//x/"] {
        service.ask("GET", path, Some(&token)).await.expect(200);
        service.ask("OPTIONS", path, None).await.expect(401);
    }
    for path in ["/OpenAPI.json", "/.Well-Known/JWKS.json/"] {
        let lower = path.to_ascii_lowercase();
        let expected = service.ask("GET", lower.trim_end_matches('/'), None).await.status;
        assert_eq!(service.ask("GET", path, None).await.status, expected, "{path}");
    }
    // What Express takes for other paths is another path here, too.
    for path in [
        "//api/v1/users/me",
        "/api//v1/users/me",
        "/api/v1/users%2Fme",
        "/api/v1/users/me//",
        "/api%2fv1/users/me",
    ] {
        service.ask("GET", path, Some(&token)).await.expect(404);
    }
}

#[tokio::test]
async fn every_get_has_a_head_with_the_same_status_and_headers() {
    let service = Service::start().await;
    let token = service.sign_in("ada@example.org").await.json["token"].as_str().unwrap().to_owned();
    let document = service.ask("GET", "/openapi.json", None).await.expect(200).json;
    let described = document["paths"].as_object().unwrap().iter();
    let paths = described.filter(|(_, path)| path.get("get").is_some()).map(|(path, _)| path.as_str());
    let mut compared = 0;
    for path in paths.chain(["/openapi.json"]) {
        let get = service.ask("GET", path, Some(&token)).await;
        let head = service.ask("HEAD", path, Some(&token)).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        let types = |answer: &Answer| answer.header("content-type").to_owned();
        assert_eq!(types(&head), types(&get), "{path}");
        compared += 1;
    }
    assert!(compared >= 6, "{compared}");
}

#[tokio::test]
async fn a_code_that_is_a_number_is_no_try_and_the_answer_points_to_it() {
    let service = Service::start().await;
    let (code, challenge) = service.code_for("ada@example.org").await;
    let otp = code.parse::<u32>().unwrap();
    for _ in 0..10 {
        let body = format!(r#"{{"email":"ada@example.org","otp":{otp},"challenge":"{challenge}"}}"#);
        let answer = send(&service, VERIFY, "application/json", body).await;
        assert_problem(&answer, 400, "invalid-code");
        assert_eq!(answer.message(), "Invalid or expired OTP");
        assert_eq!(answer.json["errors"][0]["pointer"], "/otp");
        assert_eq!(answer.json.get("attempts_remaining"), None);
    }
    service.verify("ada@example.org", &code).await.expect(200);
}
