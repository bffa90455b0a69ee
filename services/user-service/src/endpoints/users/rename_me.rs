//! `PUT /api/v1/users/me`: what a person wants to be called.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::HeaderMap,
    response::Response,
};
use ping_contract::wire;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    accounts::User,
    audit::{Entry, Event, Outcome},
    endpoints::{App, Basis},
    http::{
        body::{Field, JsonBody, parse_object},
        cookie,
        problem::Problem,
        response,
    },
};

/// The longest name, in characters.
const MAX_NAME: usize = 200;

/// The body as it is read. Unknown fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RenameRequest<'a> {
    /// Not empty, at most 200 characters.
    #[serde(borrow, default)]
    #[schema(value_type = String)]
    name: Field<'a>,
}

/// The body of the 200.
#[derive(Serialize, ToSchema)]
pub(super) struct Renamed {
    message: &'static str,
    user: User,
    /// Has the new name.
    token: String,
    /// Life of the token, in seconds.
    expires_in: u64,
}

/// Changes the name and signs a token that has it, if the session of the old one has not ended. Under `JWT_SECRET` the new
/// token ends when the old one would have.
#[utoipa::path(
    put, path = "/api/v1/users/me", tag = "users", security(("bearer" = [])), request_body = RenameRequest,
    responses(
        (status = 200, description = "Renamed", body = Renamed),
        (status = 400, description = "No name"),
        (status = 401, description = "No token, a bad one, or one whose session has ended"),
        (status = 501, description = "There is no directory"),
        (status = 503, description = "Redis or the directory does not answer"),
    )
)]
pub(super) async fn rename_me(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Result<Response, Problem> {
    let identity = app.identify_live(&headers).await?;
    let body = body?;
    let name = parse_name(body.bytes())?;
    let renamed = app.parts.accounts.rename(&identity.user.id, &name).await;
    let user = renamed.map_err(|error| app.no_directory("rename the user", &error))?;
    let user = user.ok_or(Problem::invalid_token())?;
    let sid = identity.session.as_ref().map(|session| session.id.as_str());
    let entry = Entry::new(Event::Rename, Outcome::Success).user(&user).session(sid);
    app.record(entry.client(app.client(peer, &headers)));
    // Asked again: the directory may have taken seconds, and the session may have ended meanwhile.
    let session = app.live_session(&identity).await?;
    let signed = app.sign(&user, session.as_ref().map_or(Basis::Token(&identity), Basis::Session))?;
    let body = Renamed {
        message: wire::NAME_UPDATED,
        user,
        token: signed.token.clone(),
        expires_in: signed.expires_in,
    };
    let mut response = response::json(&body);
    cookie::set(&app.parts.options, &mut response, &signed);
    Ok(response)
}

fn parse_name(body: &[u8]) -> Result<String, Problem> {
    let request = parse_object::<RenameRequest<'_>>(body)?;
    // As JavaScript trims: a byte order mark is white space there.
    let name =
        request.name.text().unwrap_or_default().trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if name.is_empty() {
        return Err(Problem::name_required());
    }
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Problem::invalid_name());
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::parse_name;
    use crate::http::problem::Problem;

    #[test]
    fn a_name_is_text_of_1_to_200_characters() {
        assert_eq!(parse_name(r#"{"name":" Ada Løvelace "}"#.as_bytes()).unwrap(), "Ada Løvelace");
        for none in [
            "{}",
            r#"{"name":""}"#,
            r#"{"name":"  "}"#,
            r#"{"name":"\ufeff"}"#,
            r#"{"name":7}"#,
            r#"{"name":null}"#,
        ] {
            assert_eq!(parse_name(none.as_bytes()), Err(Problem::name_required()), "{none}");
        }
        let long = format!(r#"{{"name":"{}"}}"#, "a".repeat(201));
        for bad in [long.as_str(), r#"{"name":"a\u0000b"}"#, r#"{"name":"a\nb"}"#] {
            assert_eq!(parse_name(bad.as_bytes()), Err(Problem::invalid_name()), "{bad}");
        }
    }
}
