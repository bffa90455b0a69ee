//! `DELETE /api/v1/sessions`: signs out everywhere.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    audit::{Entry, Event, Outcome},
    endpoints::App,
    http::{cookie, problem::Problem, response},
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
        (status = 401, description = "No token, a bad one, or one whose session has ended"),
        (status = 501, description = "There are no sessions"),
        (status = 503, description = "Redis does not answer"),
    )
)]
pub(super) async fn end_all_sessions(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let identity = app.identify_live(&headers).await?;
    let ended = app.sessions()?.end_all(&identity.user.id).await;
    let ended = ended.map_err(|error| app.unavailable("end all sessions", &error))?;
    let sid = identity.session.as_ref().map(|session| session.id.as_str());
    let entry = Entry::new(Event::SignOut, Outcome::Success).user(&identity.user).session(sid);
    app.record(entry.client(app.client(peer, &headers)).detail("all_sessions"));
    let mut response = response::json(&EndedSessions { message: "Signed out everywhere", ended });
    cookie::clear(&app.parts.options, &mut response);
    Ok(response)
}
