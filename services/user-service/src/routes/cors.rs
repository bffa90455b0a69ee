//! Which pages may call (the Fetch standard's CORS protocol). Tokens travel in a header, never in a cookie, so no
//! answer allows credentials.

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::problem::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// The header of a client's retry.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Any origin where none is named, as the original does; else those alone.
pub(super) fn layer(origins: Vec<HeaderValue>) -> CorsLayer {
    let allowed = if origins.is_empty() { AllowOrigin::from(Any) } else { AllowOrigin::list(origins) };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION, IDEMPOTENCY_KEY])
        .expose_headers([header::RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY])
        .max_age(std::time::Duration::from_mins(10))
}
