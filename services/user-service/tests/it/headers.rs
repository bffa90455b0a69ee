//! Headers that every answer has.

use axum::{body::Body, http::Request};

use crate::support::Service;

#[tokio::test]
async fn every_answer_forbids_sniffing_and_says_hsts_behind_tls_alone() {
    let service = Service::start().await;
    let ask = async |path: &str, peer: [u8; 4], proto: &str| {
        let request = Request::get(path).header("x-forwarded-proto", proto).body(Body::empty()).unwrap();
        service.send_from(peer, request).await
    };
    for path in ["/api/v1/users/me", "/authz", "/nothing", "/openapi.json", "/.well-known/jwks.json"] {
        let answer = ask(path, [127, 0, 0, 1], "https").await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{path}");
        // In plain text, or as a client says that is no proxy of ours.
        for answer in [ask(path, [127, 0, 0, 1], "http").await, ask(path, [203, 0, 113, 7], "https").await] {
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.headers.get("strict-transport-security"), None, "{path}");
        }
    }
    let signed_in = service.sign_in("ada@example.org").await;
    assert_eq!(signed_in.header("x-content-type-options"), "nosniff");
}
