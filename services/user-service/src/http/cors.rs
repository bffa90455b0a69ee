//! Which pages may call (the Fetch standard's CORS protocol). No call here reads a cookie; credentials are allowed only
//! where one is set and the origins are named, since a browser takes a cookie from another origin's answer only then.

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};
use traces::TRACE_PARENT;

use super::{
    rate_limit_headers::{RATE_LIMIT, RATE_LIMIT_POLICY},
    request::REQUEST_ID,
};

/// The header of a client's retry.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers that pages of named origins may send: those of this API, and those that HTTP clients, proxies and tracing
/// libraries add by themselves. None of them changes what an endpoint does for another user.
const USUAL_HEADERS: [HeaderName; 38] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::AUTHORIZATION,
    HeaderName::from_static("b3"),
    HeaderName::from_static("baggage"),
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::DNT,
    HeaderName::from_static("elastic-apm-traceparent"),
    header::EXPIRES,
    IDEMPOTENCY_KEY,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    HeaderName::from_static("newrelic"),
    header::PRAGMA,
    HeaderName::from_static("sentry-trace"),
    HeaderName::from_static(TRACE_PARENT),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("uber-trace-id"),
    HeaderName::from_static("x-amzn-trace-id"),
    HeaderName::from_static("x-b3-flags"),
    HeaderName::from_static("x-b3-parentspanid"),
    HeaderName::from_static("x-b3-sampled"),
    HeaderName::from_static("x-b3-spanid"),
    HeaderName::from_static("x-b3-traceid"),
    HeaderName::from_static("x-cloud-trace-context"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("x-csrf-token"),
    HeaderName::from_static("x-datadog-origin"),
    HeaderName::from_static("x-datadog-parent-id"),
    HeaderName::from_static("x-datadog-sampling-priority"),
    HeaderName::from_static("x-datadog-tags"),
    HeaderName::from_static("x-datadog-trace-id"),
    REQUEST_ID,
    HeaderName::from_static("x-requested-with"),
    HeaderName::from_static("x-xsrf-token"),
];

/// Whose pages may call, and what they may send.
#[derive(Debug, Clone, Default)]
pub struct AllowedPages {
    /// Origins as browsers send them; none = any.
    pub origins: Vec<HeaderValue>,
    /// Headers beside the usual ones. Pages of any origin may send whatever they ask for.
    pub headers: Vec<HeaderName>,
}

/// Any origin with any header where no origin is named, as the original does; else those alone.
pub(crate) fn layer(pages: AllowedPages, with_cookie: bool) -> CorsLayer {
    let AllowedPages { origins, headers } = pages;
    let credentials = with_cookie && !origins.is_empty();
    let (origins, headers) = if origins.is_empty() {
        (AllowOrigin::from(Any), AllowHeaders::mirror_request())
    } else {
        (AllowOrigin::list(origins), AllowHeaders::list(USUAL_HEADERS.into_iter().chain(headers)))
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_credentials(credentials)
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::POST, Method::DELETE])
        .allow_headers(headers)
        .expose_headers([header::RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY, REQUEST_ID])
        .max_age(std::time::Duration::from_mins(10))
}
