//! `POST /api/v1/token/refresh`: a new token, and a new refresh token, for the last one.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::HeaderMap,
    response::Response,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    accounts::{AccountsError, User},
    audit::{Entry, Event, Outcome},
    endpoints::{App, Basis},
    http::{
        body::{Field, JsonBody, parse_object},
        cookie,
        problem::Problem,
        response,
    },
    metrics::RefreshOutcome,
    rate_limits::ClientIp,
    sessions::{Owner, RefreshToken, Rotation, Sessions},
};

/// The body as it is read. Unknown fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::endpoints) struct RefreshRequest<'a> {
    /// The last one that was answered.
    #[serde(borrow, default)]
    #[schema(value_type = String)]
    pub(in crate::endpoints) refresh_token: Field<'a>,
}

/// The body of the 200.
#[derive(Serialize, ToSchema)]
pub(super) struct Refreshed {
    message: &'static str,
    /// Goes into the header `Authorization: Bearer ...`.
    token: String,
    /// Life of the token, in seconds.
    expires_in: u64,
    /// Replaces the one that was sent.
    refresh_token: String,
}

/// Exchanges a refresh token. A copy that was used before ends the session for both.
#[utoipa::path(
    post, path = "/api/v1/token/refresh", tag = "sessions", request_body = RefreshRequest,
    responses(
        (status = 200, description = "New tokens", body = Refreshed),
        (status = 400, description = "No refresh token"),
        (status = 401, description = "The session has ended"),
        (status = 501, description = "There are no sessions"),
        (status = 503, description = "Redis or the directory does not answer"),
    )
)]
pub(super) async fn refresh_token(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let sessions = app.sessions()?;
    let body = body?;
    let request = parse_object::<RefreshRequest<'_>>(body.bytes())?;
    let token = request.refresh_token.text().ok_or(Problem::refresh_token_required())?;
    let client = app.client(peer, &headers);
    let result = match RefreshToken::parse(token) {
        Some(token) => refresh(&app, sessions, &token, client).await,
        None => Err((RefreshOutcome::Unknown, Problem::session_ended())),
    };
    if let Err((RefreshOutcome::Unknown, _)) = &result {
        app.record(Entry::new(Event::Refresh, Outcome::Failure).client(client));
    }
    let (outcome, answer) = match result {
        Ok(response) => (RefreshOutcome::Ok, Ok(response)),
        Err((outcome, problem)) => (outcome, Err(problem)),
    };
    app.parts.metrics.refresh(outcome);
    answer
}

async fn refresh(
    app: &App,
    sessions: &Sessions,
    token: &RefreshToken,
    client: ClientIp,
) -> Result<Response, (RefreshOutcome, Problem)> {
    let record = |event, outcome, owner: &Owner, detail: Option<&str>| {
        let entry =
            Entry::new(event, outcome).user(&owner.user).session(Some(&owner.session.id)).client(client);
        app.record(detail.into_iter().fold(entry, Entry::detail));
    };
    let ended = |outcome| (outcome, Problem::session_ended());
    let unavailable =
        |step, error: &dyn std::error::Error| (RefreshOutcome::Unavailable, app.unavailable(step, error));
    let found = sessions.find(token).await.map_err(|error| unavailable("read a session", &error))?;
    let found = found.ok_or(ended(RefreshOutcome::Unknown))?;
    let owner = found.owner.clone();
    // Before the exchange: a token that is rotated away must not be all that the client has when this fails.
    let Some(user) =
        current(app, owner.user.clone()).await.map_err(|error| unavailable("find the user", &error))?
    else {
        let end = sessions.end(&owner.user.id, &owner.session.id).await;
        end.map_err(|error| unavailable("end a session", &error))?;
        record(Event::SignOut, Outcome::Success, &owner, Some("user_removed"));
        return Err(ended(RefreshOutcome::Unknown));
    };
    let rotation = sessions.rotate(token, found).await;
    let (next, session) = match rotation.map_err(|error| unavailable("rotate a refresh token", &error))? {
        Rotation::Rotated(next, session) => (next, session),
        Rotation::Unknown => return Err(ended(RefreshOutcome::Unknown)),
        Rotation::Reused => {
            tracing::warn!(
                session = owner.session.id,
                "a refresh token came again after its time: its session is ended"
            );
            record(Event::RefreshReuse, Outcome::Failure, &owner, None);
            return Err(ended(RefreshOutcome::Reused));
        }
    };
    let signed = app.sign(&user, Basis::Session(&session));
    let signed = signed.map_err(|problem| (RefreshOutcome::Unavailable, problem))?;
    record(Event::Refresh, Outcome::Success, &owner, None);
    let body = Refreshed {
        message: "Token refreshed successfully",
        token: signed.token.clone(),
        expires_in: signed.expires_in,
        refresh_token: next.expose(),
    };
    let mut response = response::json(&body);
    cookie::set(&app.parts.options, &mut response, &signed);
    Ok(response)
}

/// The person as they are called now; `None` if they are gone from the directory.
async fn current(app: &App, user: User) -> Result<Option<User>, AccountsError> {
    match app.parts.accounts.find(&user.id).await {
        Err(AccountsError::NoDirectory) => Ok(Some(user)),
        found => found,
    }
}
