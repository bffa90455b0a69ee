//! `DELETE /api/v1/sessions/{id}`: signs out one device.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::Response,
};

use crate::{
    audit::{Entry, Event, Outcome},
    endpoints::App,
    http::{
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
        (status = 401, description = "No token, a bad one, or one whose session has ended"),
        (status = 404, description = "The bearer has no such session"),
        (status = 501, description = "There are no sessions"),
        (status = 503, description = "Redis does not answer"),
    )
)]
pub(super) async fn end_session(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let identity = app.identify_live(&headers).await?;
    let Path(id) = id.map_err(|_| Problem::session_not_found())?;
    let ended = app.sessions()?.end(&identity.user.id, &id).await;
    if ended.map_err(|error| app.unavailable("end a session", &error))? {
        let entry = Entry::new(Event::SignOut, Outcome::Success).user(&identity.user).session(Some(&id));
        app.record(entry.client(app.client(peer, &headers)).detail("session"));
        Ok(response::json(&Done { message: "Session ended successfully" }))
    } else {
        Err(Problem::session_not_found())
    }
}
