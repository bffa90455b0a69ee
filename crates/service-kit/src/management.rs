//! The management port: `/livez`, `/readyz` and `/metrics`. Not for the public network.

use axum::{
    Json, Router,
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

/// Serves the three paths until the soft phase; who asks during the drain is refused, which also means not ready.
pub async fn serve(listener: TcpListener, health: Health, metrics: Metrics, shutdown: Shutdown) {
    let options = ServeOptions { max_connections: 64, ..ServeOptions::default() };
    serve_http(listener, router(health, metrics, shutdown.clone()), options, shutdown).await;
}

/// `/livez` is 200 while the process answers at all; `/readyz` is 503 with the reasons while a check is not ready or
/// the process is shutting down.
pub fn router(health: Health, metrics: Metrics, shutdown: Shutdown) -> Router {
    let readyz = move || async move { readiness(&health, &shutdown) };
    let metrics = move || async move { ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode()) };
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
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
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::router;
    use crate::{health::Health, metrics::Metrics, shutdown::Shutdown};

    #[tokio::test]
    async fn readiness_follows_the_checks_and_liveness_does_not() {
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let router = router(health.clone(), Metrics::new("x", "0"), shutdown.clone());
        let status = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap().status().as_u16()
        };
        assert_eq!(status("/readyz").await, 200);
        let check = health.register("redis");
        assert_eq!((status("/readyz").await, status("/livez").await), (503, 200));
        check.set_ready();
        assert_eq!(status("/readyz").await, 200);
        shutdown.trigger();
        assert_eq!((status("/readyz").await, status("/livez").await), (503, 200));
    }
}
