//! Pages of other origins: which may call, and with which headers.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::support::{Answer, Service, Setup};

const PAGE: &str = "https://app.example.org";
/// What tracing and HTTP libraries add to the calls of a page.
const ADDED: &str = concat!(
    "content-type,authorization,traceparent,tracestate,baggage,sentry-trace,b3,x-b3-traceid,",
    "x-requested-with,cache-control,pragma"
);

async fn preflight(service: &Service, origin: &str, headers: &str) -> Answer {
    let request = Request::options("/api/v1/login")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers);
    service.send(request.body(Body::empty()).unwrap()).await.expect(204)
}

/// Whether a browser sends the call after this preflight.
fn lets_pass(answer: &Answer, origin: &str, headers: &str) -> bool {
    let list = answer.header("access-control-allow-headers").to_ascii_lowercase();
    let allowed = list.split(',').map(str::trim).collect::<Vec<_>>();
    let all = headers.split(',').all(|header| allowed.contains(&header));
    all && ["*", origin].contains(&answer.header("access-control-allow-origin"))
}

#[tokio::test]
async fn where_no_origin_is_named_any_page_may_send_any_header() {
    let service = Service::start().await;
    for headers in [ADDED, "x-something-of-our-own,x-more"] {
        let answer = preflight(&service, PAGE, headers).await;
        assert!(lets_pass(&answer, PAGE, headers), "{answer:?}");
        let vary =
            answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert!(vary.join(",").to_ascii_lowercase().contains("access-control-request-headers"), "{vary:?}");
    }
}

#[tokio::test]
async fn pages_of_a_named_origin_may_send_the_usual_headers_and_those_of_the_setting() {
    let service = Setup::default().origin(PAGE).allowed_header("x-tenant").start().await;
    assert!(lets_pass(&preflight(&service, PAGE, ADDED).await, PAGE, ADDED));
    assert!(lets_pass(&preflight(&service, PAGE, "x-tenant").await, PAGE, "x-tenant"));
    assert!(!lets_pass(&preflight(&service, PAGE, "x-other").await, PAGE, "x-other"));
    let other = "https://evil.example";
    assert!(!lets_pass(&preflight(&service, other, ADDED).await, other, ADDED));
}

#[tokio::test]
async fn an_origin_that_is_not_named_is_not_allowed_in_any_form() {
    let service = Setup::default().origin("HTTPS://App.Example.ORG:443").start().await;
    assert!(lets_pass(&preflight(&service, PAGE, ADDED).await, PAGE, ADDED));
    for other in [
        "null",
        "http://app.example.org",
        "https://app.example.org:8443",
        "https://app.example.org.evil.example",
        "https://evil-app.example.org",
        "capacitor://app.example.org",
    ] {
        assert!(!lets_pass(&preflight(&service, other, ADDED).await, other, ADDED), "{other}");
        let body = json!({ "email": "ada@example.org" });
        let answer = service.post("/api/v1/login", &body, &[("origin", other)]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{other}");
        assert!(answer.header("vary").to_ascii_lowercase().contains("origin"), "{answer:?}");
    }
    // Pages without an origin may call only where every page may.
    let any = Service::start().await;
    assert!(lets_pass(&preflight(&any, "null", ADDED).await, "null", ADDED));
}

#[tokio::test]
async fn an_app_with_a_scheme_of_its_own_may_call() {
    let app = "capacitor://localhost";
    let service = Setup::default().origin(app).start().await;
    assert!(lets_pass(&preflight(&service, app, ADDED).await, app, ADDED));
    let answer =
        service.post("/api/v1/login", &json!({ "email": "ada@example.org" }), &[("origin", app)]).await;
    assert_eq!(answer.expect(200).header("access-control-allow-origin"), app);
}
