//! What a verified code is worth: a session where there are any, and a token.

use axum::{
    http::{HeaderMap, header},
    response::Response,
};
use ping_contract::wire;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    accounts::User,
    endpoints::{App, Basis},
    http::{cookie, problem::Problem, response},
    sessions::{LiveSession, RefreshToken},
};

/// As much of a client's name as is kept.
const MAX_USER_AGENT: usize = 200;

/// The body of a sign-in's 200.
#[derive(Serialize, ToSchema)]
pub(super) struct SignedIn<'a> {
    message: &'static str,
    user: &'a User,
    /// Goes into the header `Authorization: Bearer ...`.
    token: String,
    /// Life of the token, in seconds.
    expires_in: u64,
    /// Worth one new token at `/api/v1/token/refresh`; only where tokens are `EdDSA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// A session that has begun, and of which nobody knows yet.
pub(super) struct Grant(Option<(LiveSession, RefreshToken)>);

impl Grant {
    /// Begins a session, where there are sessions.
    pub(super) async fn begin(app: &App, user: &User, headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(sessions) = &app.parts.sessions else { return Ok(Self(None)) };
        match sessions.start(user, &user_agent(headers)).await {
            Ok(session) => Ok(Self(Some(session))),
            Err(error) => Err(app.unavailable("begin a session", &error)),
        }
    }

    /// The id of the session.
    pub(super) fn session_id(&self) -> Option<&str> {
        self.0.as_ref().map(|(session, _)| session.reference().id.as_str())
    }

    /// Ends it again. If even this fails, it ends by itself, and nobody has its tokens.
    pub(super) async fn withdraw(self, app: &App) {
        if let (Some(sessions), Some((_, token))) = (&app.parts.sessions, &self.0)
            && let Err(error) = sessions.end_of(token).await
        {
            let _ = app.unavailable("withdraw a session", &error);
        }
    }

    /// The answer to the person, with their tokens.
    pub(super) fn answer(self, app: &App, user: &User) -> Result<Response, Problem> {
        let session = self.0.as_ref().map(|(session, _)| session);
        let signed = app.sign(user, session.map_or(Basis::Code, Basis::Session))?;
        let body = SignedIn {
            message: wire::SIGNED_IN,
            user,
            token: signed.token.clone(),
            expires_in: signed.expires_in,
            refresh_token: self.0.map(|(_, token)| token.expose()),
        };
        let mut response = response::json(&body);
        cookie::set(&app.parts.options, &mut response, &signed);
        Ok(response)
    }
}

/// What a client calls itself, for its owner's list of sessions: printable ASCII only.
fn user_agent(headers: &HeaderMap) -> String {
    let name = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    name.chars().take(MAX_USER_AGENT).collect()
}
