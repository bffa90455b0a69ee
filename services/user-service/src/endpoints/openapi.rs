//! `GET /openapi.json`: this interface, described by its own handlers (OpenAPI 3.1).

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, Ref, ResponseBuilder,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{
    sessions::{end_all_sessions, end_session, list_sessions, logout},
    sign_in::{login, verify_otp},
    token::{authz, jwks, refresh_token},
    users::{list_users, me, rename_me, show_user},
};

const PROBLEM_JSON: &str = "application/problem+json";

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
    modifiers(&Schemes, &OtherProblems),
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

/// What any call may be answered besides: 404, 405, 408, 413, 415, 500, 503.
struct OtherProblems;

impl Modify for OtherProblems {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let schema = Ref::from_schema_name("ProblemBody");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let problem =
            ResponseBuilder::new().description("Any other problem").content(PROBLEM_JSON, content).build();
        for path in openapi.paths.paths.values_mut() {
            for operation in
                [&mut path.get, &mut path.put, &mut path.post, &mut path.delete].into_iter().flatten()
            {
                operation.responses.responses.insert("default".to_owned(), problem.clone().into());
            }
        }
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
