//! `DELETE /api/v1/sessions/{id}`: signs out one device.

use std::sync::Arc;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
};

use crate::{
    endpoints::App,
    http::{
        bearer,
        problem::Problem,
        response::{self, Done},
    },
};

/// Ends a session of the bearer's own.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = String, Path, description = "32 hex digits")),
    responses(
        (status = 200, description = "Ended", body = Done),
        (status = 401, description = "No token, or a bad one"),
        (status = 404, description = "The bearer has no such session"),
        (status = 501, description = "There are no sessions"),
        (status = 503, description = "Redis does not answer"),
    )
)]
pub(super) async fn end_session(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let identity = bearer::identify(&app.parts.tokens, &headers)?;
    let Path(id) = id.map_err(|_| Problem::session_not_found())?;
    let ended = app.sessions()?.end(&identity.user.id, &id).await;
    if ended.map_err(|error| app.unavailable("end a session", &error))? {
        Ok(response::json(&Done { message: "Session ended successfully" }))
    } else {
        Err(Problem::session_not_found())
    }
}
