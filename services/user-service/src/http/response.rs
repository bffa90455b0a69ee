//! Answers of 200: JSON that nobody keeps.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// An answer that only says what was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// In words.
    pub(crate) message: &'static str,
}

/// The body as JSON. Most answers hold a token or a person, so none is to be kept.
pub(crate) fn json(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default(); // cannot fail: texts and numbers
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.reserve(12); // those of CORS, of limits and of the request's id follow: the map grows once
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
