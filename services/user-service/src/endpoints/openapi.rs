//! `GET /openapi.json`: the document that the handlers describe (OpenAPI 3.1).

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, Ref, RefOr, ResponseBuilder,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use super::App;
use crate::http::problem::ProblemBody;

const PROBLEM_JSON: &str = "application/problem+json";

#[derive(OpenApi)]
#[openapi(
    info(title = "Ping user-service", description = "Sign-in with a code sent by e-mail.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(ProblemBody)),
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

/// The one form of all errors: the content of each 4xx and 5xx that a handler declares by status and description, and
/// of the errors that any call can have (404, 405, 408, 413, 415, 500, 503), as `default`.
struct Problems;

impl Modify for Problems {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let schema = Ref::from_schema_name("ProblemBody");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let other =
            ResponseBuilder::new().description("Any other problem").content(PROBLEM_JSON, content.clone());
        let other = RefOr::T(other.build());
        for path in openapi.paths.paths.values_mut() {
            let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete];
            for operation in operations.into_iter().flatten() {
                let responses = &mut operation.responses.responses;
                for (status, response) in responses.iter_mut() {
                    if let RefOr::T(response) = response
                        && status.starts_with(['4', '5'])
                    {
                        response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(content.clone()));
                    }
                }
                responses.insert("default".to_owned(), other.clone());
            }
        }
    }
}

/// A router without routes, whose document says what is common to all of them.
pub(super) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Interface::openapi())
}

/// Adds the document that routes describe to them.
pub(super) fn serve(described: OpenApiRouter<Arc<App>>) -> Router<Arc<App>> {
    let (router, mut document) = described.split_for_parts();
    Problems.modify(&mut document);
    let document = bytes::Bytes::from(serde_json::to_vec(&document).unwrap_or_default()); // cannot fail: texts only
    router.route("/openapi.json", get(async move || response(document)))
}

fn response(document: bytes::Bytes) -> Response {
    let mut response = document.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
