//! `GET /.well-known/jwks.json`: what other services check tokens with.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use crate::{endpoints::App, http::problem::Problem, tokens::JWKS_MAX_AGE_SECONDS};

/// The public keys (RFC 7517). Others may keep them for 5 minutes.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "tokens",
    responses(
        (status = 200, description = "A JWK set", body = serde_json::Value, content_type = "application/jwk-set+json"),
        (status = 501, description = "Tokens are signed with a secret"),
    )
)]
pub(super) async fn jwks(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let body = app.parts.tokens.jwks().ok_or(Problem::no_signing_keys())?;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    let keep = HeaderValue::try_from(format!("public, max-age={JWKS_MAX_AGE_SECONDS}"));
    headers.insert(header::CACHE_CONTROL, keep.unwrap_or(HeaderValue::from_static("no-cache")));
    Ok(response)
}
