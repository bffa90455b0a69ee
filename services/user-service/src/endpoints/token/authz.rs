//! `/authz`: whether a request may pass, for ingress controllers (nginx `auth_request`, Traefik `forwardAuth`, Envoy
//! `ext_authz` over HTTP). Any method, and any path below it: Envoy appends the original one. It is outside of CORS,
//! which answers 200 to any OPTIONS, and an ingress controller would take that for a yes.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use crate::{
    endpoints::App,
    http::{bearer, cookie, problem::Problem},
};

const USER: HeaderName = HeaderName::from_static("x-ping-user");
const EMAIL: HeaderName = HeaderName::from_static("x-ping-email");

/// 200 with who it is, or 401. By the Bearer token, else by the cookie. Where `AUTHZ_CHECK_SESSION` is on, Redis is asked
/// whether the session has ended.
#[utoipa::path(
    get, path = "/authz", tag = "tokens", security(("bearer" = []), ("cookie" = [])),
    responses(
        (status = 200, description = "A good token", headers(
            ("X-Ping-User" = String, description = "The person's id"),
            ("X-Ping-Email" = String, description = "Their address; empty if no header can hold it"),
        )),
        (status = 401, description = "No token, a bad one, or one whose session has ended"),
        (status = 503, description = "Redis does not answer"),
    )
)]
pub(super) async fn authz(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let token = match bearer::token(&headers) {
        Some(token) => Some(token),
        None => cookie::token(&app.parts.options, &headers)?,
    };
    let token = token.ok_or(Problem::no_token())?;
    let user = app.admit(token).await?.user;
    let mut response = ().into_response();
    let answer = response.headers_mut();
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.insert(USER, HeaderValue::try_from(user.id).map_err(|_| Problem::invalid_token())?);
    // Empty for an address that no header can hold: a proxy would pass the client's own header on if there were none.
    answer.insert(EMAIL, HeaderValue::try_from(user.email).unwrap_or(HeaderValue::from_static("")));
    Ok(response)
}
