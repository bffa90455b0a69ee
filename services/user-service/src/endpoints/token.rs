//! Tokens: refreshing them, and what other services check them with.

mod authz;
mod jwks;
pub(super) mod refresh_token;

use std::sync::Arc;

use axum::{Router, routing::any};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::App;

/// Where Envoy asks: it appends the original path.
pub(super) const BELOW_AUTHZ: &str = "/authz/{*original}";

/// `/authz` is described here and routed by [`for_proxies`], since it takes any method.
#[derive(OpenApi)]
#[openapi(paths(authz::authz))]
struct Authz;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Authz::openapi())
        .routes(routes!(refresh_token::refresh_token))
        .routes(routes!(jwks::jwks))
}

/// What ingress controllers call, outside of CORS.
pub(super) fn for_proxies() -> Router<Arc<App>> {
    Router::new()
        .route("/authz", any(authz::authz))
        .route("/authz/", any(authz::authz))
        .route(BELOW_AUTHZ, any(authz::authz))
}
