//! The management port: `/livez`, `/readyz` and `/metrics`. Not for the public network.

use axum::{
    Json, Router,
    extract::RawQuery,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use crate::{
    health::Health,
    http::{ServeOptions, serve as serve_http},
    metrics::{CONTENT_TYPE, Metrics},
    shutdown::Shutdown,
};

/// The kubelet, Prometheus and the operator hold a few each. The others are for strangers in the pod network, so that one
/// of them has to open hundreds in the time that a request takes before it displaces a new connection.
const MAX_CONNECTIONS: usize = 1024;

/// Serves the three paths until the soft phase; who asks during the drain is refused, which also means not ready.
pub async fn serve(listener: TcpListener, health: Health, metrics: Metrics, shutdown: Shutdown) {
    let options = ServeOptions { max_connections: MAX_CONNECTIONS, ..ServeOptions::default() };
    serve_http(listener, router(health, metrics, shutdown.clone()), options, shutdown).await;
}

/// `/livez` is 200 while the process answers at all. `/readyz` is 503 with what is missing until the process is ready,
/// and again while it shuts down; `/readyz?verbose` has the same status and answers [`HealthReport`](crate::health::HealthReport).
pub fn router(health: Health, metrics: Metrics, shutdown: Shutdown) -> Router {
    let readyz = move |RawQuery(query): RawQuery| async move {
        if is_verbose(query.as_deref()) { report(&health, &shutdown) } else { readiness(&health, &shutdown) }
    };
    let metrics = move || async move { ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode()) };
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

/// Whether the query has `verbose`, with or without a value.
fn is_verbose(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("verbose")))
}

fn report(health: &Health, shutdown: &Shutdown) -> Response {
    let report = health.report(shutdown.is_triggered());
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, report.to_json()).into_response()
}

fn readiness(health: &Health, shutdown: &Shutdown) -> Response {
    let mut reasons = health.not_ready();
    if shutdown.is_triggered() {
        reasons.push(("process", "shutting down".to_owned()));
    }
    if reasons.is_empty() {
        return "ok".into_response();
    }
    let reasons = reasons.into_iter().collect::<std::collections::BTreeMap<_, _>>();
    (StatusCode::SERVICE_UNAVAILABLE, Json(reasons)).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{
        body::{Body, to_bytes},
        http::{HeaderMap, Request},
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        time::timeout,
    };
    use tower::ServiceExt as _;

    use super::{router, serve};
    use crate::{health::Health, metrics::Metrics, open_files, shutdown::Shutdown};

    struct Answer {
        status: u16,
        headers: HeaderMap,
        body: String,
    }

    async fn ask(health: &Health, shutdown: &Shutdown, path: &str) -> Answer {
        let router = router(health.clone(), Metrics::new("x", "0"), shutdown.clone());
        let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    #[tokio::test]
    async fn readiness_waits_for_the_checks_and_ends_with_the_drain_and_liveness_does_neither() {
        let health = Health::new();
        let shutdown = Shutdown::new();
        let status = async |path| ask(&health, &shutdown, path).await.status;
        assert_eq!(status("/readyz").await, 200);
        let check = health.require("redis");
        assert_eq!((status("/readyz").await, status("/livez").await), (503, 200));
        check.set_usable();
        assert_eq!(status("/readyz").await, 200);
        check.set_unusable("RedisUnreachable", "Redis does not answer.");
        assert_eq!((status("/readyz").await, status("/livez").await), (200, 200));
        shutdown.trigger();
        assert_eq!((status("/readyz").await, status("/livez").await), (503, 200));
    }

    #[tokio::test]
    async fn without_verbose_the_body_is_a_word_or_what_is_missing() {
        let health = Health::new();
        let shutdown = Shutdown::new();
        let check = health.require("redis");
        check.set_unusable("RedisUnreachable", "Redis does not answer.");
        for path in ["/readyz", "/readyz?", "/readyz?x=verbose", "/readyz?verbosely"] {
            assert_eq!(
                ask(&health, &shutdown, path).await.body,
                r#"{"redis":"Redis does not answer."}"#,
                "{path}"
            );
        }
        check.set_usable();
        assert_eq!(ask(&health, &shutdown, "/readyz").await.body, "ok");
        shutdown.trigger();
        assert_eq!(ask(&health, &shutdown, "/readyz").await.body, r#"{"process":"shutting down"}"#);
    }

    #[tokio::test]
    async fn every_path_answers_head_as_get_without_a_body() {
        for path in ["/livez", "/readyz", "/readyz?verbose", "/metrics"] {
            let answer = async |method: &str| {
                let router = router(Health::new(), Metrics::new("x", "0"), Shutdown::new());
                let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
                router.oneshot(request).await.unwrap()
            };
            let (get, head) = (answer("GET").await, answer("HEAD").await);
            assert_eq!(
                (head.status(), &head.headers()["content-type"]),
                (get.status(), &get.headers()["content-type"])
            );
            assert_eq!(to_bytes(head.into_body(), 1 << 20).await.unwrap().len(), 0, "{path}");
        }
    }

    #[tokio::test]
    async fn verbose_has_the_same_status_and_answers_the_report() {
        let health = Health::new();
        let shutdown = Shutdown::new();
        let check = health.require("redis");
        for path in ["/readyz?verbose", "/readyz?verbose=1", "/readyz?x=y&verbose="] {
            let answer = ask(&health, &shutdown, path).await;
            assert_eq!(answer.status, 503, "{path}");
            assert_eq!(answer.headers["content-type"], "application/json");
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert!(
                answer.body.starts_with(r#"{"ready":false,"checks":[{"name":"redis""#),
                "{}",
                answer.body
            );
        }
        check.set_usable();
        let ready = ask(&health, &shutdown, "/readyz?verbose").await;
        assert_eq!(ready.status, 200);
        assert!(ready.body.starts_with(r#"{"ready":true,"#), "{}", ready.body);
        shutdown.trigger();
        let draining = ask(&health, &shutdown, "/readyz?verbose").await;
        assert_eq!(draining.status, 503);
        assert!(draining.body.starts_with(r#"{"ready":false,"#), "{}", draining.body);
    }

    #[tokio::test]
    async fn five_thousand_silent_connections_keep_no_probe_from_its_answer() {
        open_files::raise_limit();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        shutdown
            .spawn("management", serve(listener, Health::new(), Metrics::new("x", "0"), shutdown.clone()));
        let mut silent = Vec::with_capacity(5000);
        for _ in 0..5000 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut probe = TcpStream::connect(address).await.unwrap();
        probe.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut response = String::new();
        // The probe of the kubelet waits for one second.
        let read = timeout(Duration::from_secs(3), probe.read_to_string(&mut response)).await;
        read.expect("/livez did not answer in 3 s").unwrap();
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    }
}
