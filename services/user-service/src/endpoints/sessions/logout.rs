//! `POST /api/v1/logout`: ends the session of this device.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};

use crate::{
    audit::{Entry, Event, Outcome},
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

/// Ends the session of the refresh token that is sent, else that of the Bearer token. Where `AUTHZ_CHECK_SESSION` is off, the
/// access token is accepted until it expires. The cookie is cleared by a request with a JSON object, or with a good token.
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
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Response {
    // Clients without a refresh token send no body, and need no content type then.
    let body = if headers.contains_key(header::CONTENT_TYPE) { body.map(Some) } else { Ok(None) };
    let body = match body {
        Ok(body) => body.filter(|body| !body.bytes().is_empty()),
        Err(problem) => return problem.into_response(),
    };
    let request = body.as_ref().map(|body| parse_object::<RefreshRequest<'_>>(body.bytes()));
    let request = match request.transpose() {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    let ended = end(&app, &headers, request.as_ref()).await;
    // A page of another site can send a request without JSON and without a token, and must not sign anybody out with it.
    let is_ours = request.is_some() || ended.is_ok();
    if let Ok(Some(entry)) = &ended {
        app.record(entry.clone().client(app.client(peer, &headers)).detail("session"));
    }
    let mut response = match ended {
        Ok(_) => response::json(&Done { message: "Logged out successfully" }),
        Err(problem) => problem.into_response(),
    };
    if is_ours {
        cookie::clear(&app.parts.options, &mut response);
    }
    response
}

/// Answers what there is to record.
async fn end(
    app: &App,
    headers: &HeaderMap,
    request: Option<&RefreshRequest<'_>>,
) -> Result<Option<Entry>, Problem> {
    let failed = |error: crate::sessions::SessionError| app.unavailable("end a session", &error);
    if let (Some(text), Ok(sessions)) =
        (request.and_then(|request| request.refresh_token.text()), app.sessions())
    {
        // One that has ended already is as good as ended.
        if let Some(token) = RefreshToken::parse(text) {
            let owner = sessions.end_of(&token).await.map_err(failed)?;
            return Ok(owner.map(|owner| signed_out().user(&owner.user).session(Some(&owner.session.id))));
        }
    }
    let identity = bearer::identify(&app.parts.tokens, headers)?;
    let entry = signed_out().user(&identity.user);
    let (Some(session), Ok(sessions)) = (&identity.session, app.sessions()) else { return Ok(Some(entry)) };
    let ended = sessions.end(&identity.user.id, &session.id).await.map_err(failed)?;
    Ok(ended.then(|| entry.session(Some(&session.id))))
}

fn signed_out() -> Entry {
    Entry::new(Event::SignOut, Outcome::Success)
}
