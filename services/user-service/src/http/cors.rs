//! Which pages may call (the Fetch standard's CORS protocol). No call here reads a cookie; credentials are allowed only
//! where one is set and the origins are named, since a browser takes a cookie from another origin's answer only then.

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::rate_limit_headers::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// The header of a client's retry.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Any origin where none is named, as the original does; else those alone.
pub(crate) fn layer(origins: Vec<HeaderValue>, with_cookie: bool) -> CorsLayer {
    let credentials = with_cookie && !origins.is_empty();
    let allowed = if origins.is_empty() { AllowOrigin::from(Any) } else { AllowOrigin::list(origins) };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_credentials(credentials)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION, IDEMPOTENCY_KEY])
        .expose_headers([header::RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY])
        .max_age(std::time::Duration::from_mins(10))
}
