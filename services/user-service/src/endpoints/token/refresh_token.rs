//! `POST /api/v1/token/refresh`: a new token, and a new refresh token, for the last one.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    accounts::{AccountsError, User},
    endpoints::App,
    http::{
        body::{Field, JsonBody, parse_object},
        cookie,
        problem::Problem,
        response,
    },
    metrics::RefreshOutcome,
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
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let sessions = app.sessions()?;
    let body = body?;
    let request = parse_object::<RefreshRequest<'_>>(body.bytes())?;
    let token = request.refresh_token.text().ok_or(Problem::refresh_token_required())?;
    let result = match RefreshToken::parse(token) {
        Some(token) => refresh(&app, sessions, &token).await,
        None => Err((RefreshOutcome::Unknown, Problem::session_ended())),
    };
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
) -> Result<Response, (RefreshOutcome, Problem)> {
    let ended = |outcome| (outcome, Problem::session_ended());
    let unavailable =
        |step, error: &dyn std::error::Error| (RefreshOutcome::Unavailable, app.unavailable(step, error));
    let owner = sessions.owner(token).await.map_err(|error| unavailable("read a session", &error))?;
    let Owner { session, user } = owner.ok_or(ended(RefreshOutcome::Unknown))?;
    // Before the exchange: a token that is rotated away must not be all that the client has when this fails.
    let Some(user) = current(app, user).await.map_err(|error| unavailable("find the user", &error))? else {
        sessions.end_of(token).await.map_err(|error| unavailable("end a session", &error))?;
        return Err(ended(RefreshOutcome::Unknown));
    };
    let next =
        match sessions.rotate(token).await.map_err(|error| unavailable("rotate a refresh token", &error))? {
            Rotation::Rotated(next) => next,
            Rotation::Unknown => return Err(ended(RefreshOutcome::Unknown)),
            Rotation::Reused => {
                tracing::warn!(
                    session = session.id,
                    "a refresh token came again after its time: its session is ended"
                );
                return Err(ended(RefreshOutcome::Reused));
            }
        };
    let signed = app.sign(&user, Some(&session)).map_err(|problem| (RefreshOutcome::Unavailable, problem))?;
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
