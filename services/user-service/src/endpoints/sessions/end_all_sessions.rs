//! `DELETE /api/v1/sessions`: signs out everywhere.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    endpoints::App,
    http::{bearer, cookie, problem::Problem, response},
};

/// The body of the 200.
#[derive(Serialize, ToSchema)]
pub(super) struct EndedSessions {
    message: &'static str,
    /// How many there were.
    ended: u32,
}

/// Ends every session of the bearer, this one included.
#[utoipa::path(
    delete, path = "/api/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses(
        (status = 200, description = "Signed out everywhere", body = EndedSessions),
        (status = 401, description = "No token, or a bad one"),
        (status = 501, description = "There are no sessions"),
        (status = 503, description = "Redis does not answer"),
    )
)]
pub(super) async fn end_all_sessions(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let identity = bearer::identify(&app.parts.tokens, &headers)?;
    let ended = app.sessions()?.end_all(&identity.user.id).await;
    let ended = ended.map_err(|error| app.unavailable("end all sessions", &error))?;
    let mut response = response::json(&EndedSessions { message: "Signed out everywhere", ended });
    cookie::clear(&app.parts.options, &mut response);
    Ok(response)
}
