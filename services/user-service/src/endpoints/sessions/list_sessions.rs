//! `GET /api/v1/sessions`: where a person is signed in.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Serialize;
use service_kit::timestamp::rfc3339_millis;
use utoipa::ToSchema;

use crate::{
    endpoints::App,
    http::{problem::Problem, response},
    sessions::Session,
};

/// One session.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionView {
    /// 32 hex digits.
    id: String,
    /// The sign-in (RFC 3339).
    created_at: String,
    /// The last refresh (RFC 3339).
    last_used_at: String,
    /// The end, whatever is refreshed (RFC 3339).
    expires_at: String,
    /// What the client called itself at the sign-in.
    user_agent: String,
    /// The one that asks.
    current: bool,
}

/// The body of the 200.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionList {
    sessions: Vec<SessionView>,
}

/// All sessions of the bearer, the newest first.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "sessions", security(("bearer" = [])),
    responses(
        (status = 200, description = "Sessions", body = SessionList),
        (status = 401, description = "No token, a bad one, or one whose session has ended"),
        (status = 501, description = "There are no sessions"),
        (status = 503, description = "Redis does not answer"),
    )
)]
pub(super) async fn list_sessions(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let identity = app.identify_live(&headers).await?;
    let listed = app.sessions()?.list(&identity.user.id).await;
    let current = identity.session.map(|session| session.id);
    let view = |session: Session| SessionView {
        created_at: rfc3339_millis(session.created_ms),
        last_used_at: rfc3339_millis(session.used_ms),
        expires_at: rfc3339_millis(session.expires_ms),
        user_agent: session.user_agent,
        current: current.as_ref() == Some(&session.id),
        id: session.id,
    };
    let sessions = listed.map_err(|error| app.unavailable("list sessions", &error))?;
    Ok(response::json(&SessionList { sessions: sessions.into_iter().map(view).collect() }))
}
