//! `GET /openapi.json`: this interface, described by its own handlers (OpenAPI 3.1).

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

use super::{
    authz, end_all_sessions, end_session, jwks, list_sessions, list_users, login, logout, me, refresh_token,
    rename_me, show_user, verify_otp,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Ping user-service", description = "Sign-in with a code sent by e-mail.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        login::login, verify_otp::verify_otp,
        me::me, rename_me::rename_me, list_users::list_users, show_user::show_user,
        refresh_token::refresh_token, logout::logout, list_sessions::list_sessions, end_session::end_session,
        end_all_sessions::end_all_sessions,
        jwks::jwks, authz::authz,
    ),
    modifiers(&Schemes),
    tags(
        (name = "sign-in", description = "Codes"),
        (name = "users", description = "People"),
        (name = "sessions", description = "Where people are signed in"),
        (name = "tokens", description = "For other services"),
    )
)]
struct Interface;

/// How a request shows who it is from.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("ping_token")));
        components.add_security_scheme("cookie", cookie);
    }
}

static DOCUMENT: LazyLock<bytes::Bytes> =
    LazyLock::new(|| serde_json::to_vec(&Interface::openapi()).unwrap_or_default().into()); // cannot fail: texts only

/// The document.
pub(super) async fn openapi() -> Response {
    let mut response = DOCUMENT.clone().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
