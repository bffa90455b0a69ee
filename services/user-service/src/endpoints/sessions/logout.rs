//! `POST /api/v1/logout`: ends the session of this device.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};

use crate::{
    endpoints::{App, token::refresh_token::RefreshRequest},
    http::{
        bearer,
        body::{JsonBody, parse_object},
        cookie,
        problem::Problem,
        response::{self, Done},
    },
    sessions::RefreshToken,
};

/// Ends the session of the refresh token that is sent, else that of the Bearer token. The access token itself lives on
/// until it expires.
#[utoipa::path(
    post, path = "/api/v1/logout", tag = "sessions", security((), ("bearer" = [])),
    request_body(content = Option<RefreshRequest>, description = "The refresh token, if there is one"),
    responses(
        (status = 200, description = "Signed out", body = Done),
        (status = 400, description = "Not a JSON object"),
        (status = 401, description = "Neither a refresh token nor a good Bearer token"),
        (status = 503, description = "Redis does not answer"),
    )
)]
pub(super) async fn logout(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Response {
    // Clients without a refresh token send no body, and need no content type then.
    let body = if headers.contains_key(header::CONTENT_TYPE) { body.map(Some) } else { Ok(None) };
    let ended = match body {
        Ok(body) => end(&app, &headers, body.as_ref()).await,
        Err(problem) => Err(problem),
    };
    let mut response = match ended {
        Ok(()) => response::json(&Done { message: "Logged out successfully" }),
        Err(problem) => problem.into_response(),
    };
    cookie::clear(&app.parts.options, &mut response);
    response
}

async fn end(app: &App, headers: &HeaderMap, body: Option<&JsonBody>) -> Result<(), Problem> {
    let request = body
        .filter(|body| !body.bytes().is_empty())
        .map(|body| parse_object::<RefreshRequest<'_>>(body.bytes()));
    let request = request.transpose()?;
    let failed = |error: crate::sessions::SessionError| app.unavailable("end a session", &error);
    if let (Some(text), Ok(sessions)) =
        (request.as_ref().and_then(|request| request.refresh_token.text()), app.sessions())
    {
        // One that has ended already is as good as ended.
        if let Some(token) = RefreshToken::parse(text) {
            sessions.end_of(&token).await.map_err(failed)?;
            return Ok(());
        }
    }
    let identity = bearer::identify(&app.parts.tokens, headers)?;
    if let (Some(session), Ok(sessions)) = (&identity.session, app.sessions()) {
        sessions.end(&identity.user.id, &session.id).await.map_err(failed)?;
    }
    Ok(())
}
