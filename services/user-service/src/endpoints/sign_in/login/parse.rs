//! What a login asks for, read from its body and headers.

use axum::http::{HeaderMap, HeaderValue, header::ACCEPT_LANGUAGE};
use ping_contract::{
    address::EmailAddress,
    locale::{LanguageTag, Wishes},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        body::{Field, parse_object},
        cors::IDEMPOTENCY_KEY,
        problem::Problem,
    },
    rate_limits::ClientIp,
};

/// The body as it is read. Unknown fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct LoginRequest<'a> {
    /// Where the code is mailed to.
    #[serde(borrow, default)]
    #[schema(value_type = String)]
    email: Field<'a>,
    /// The language that the user would like the mail in: one BCP 47 tag, such as `de-AT`. It comes before those of
    /// `Accept-Language`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, max_length = 35)]
    locale: Field<'a>,
}

/// What a request asks for, checked.
pub(super) struct Login {
    pub(super) address: EmailAddress,
    /// The languages that the user would like the mail in.
    pub(super) wishes: Wishes,
    pub(super) client: ClientIp,
    pub(super) idempotency_key: Option<String>,
}

/// Nothing is counted or stored before all of it is read.
pub(super) fn parse_login(
    body: &[u8],
    headers: &HeaderMap,
    client: impl FnOnce() -> ClientIp,
) -> Result<Login, Problem> {
    let request = parse_object::<LoginRequest<'_>>(body)?;
    let email = request.email.text().ok_or(Problem::email_required())?;
    let address = EmailAddress::parse(email).map_err(|_| Problem::invalid_address())?;
    let accept_language = headers.get_all(ACCEPT_LANGUAGE).iter().map(HeaderValue::as_bytes);
    let wishes = Wishes::of_request(parse_locale(&request.locale)?, accept_language);
    let idempotency_key = parse_idempotency_key(headers)?;
    Ok(Login { address, wishes, client: client(), idempotency_key })
}

/// One language tag; an empty text is none, as in every field.
fn parse_locale(locale: &Field<'_>) -> Result<Option<LanguageTag>, Problem> {
    if *locale == Field::Mistyped {
        return Err(Problem::invalid_locale());
    }
    locale.text().map(LanguageTag::parse).transpose().map_err(|_| Problem::invalid_locale())
}

/// `Idempotency-Key`: up to 255 printable characters, in UTF-8 or else in Latin-1; an empty one is none.
fn parse_idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let latin_1 = |octets: &[u8]| octets.iter().copied().map(char::from).collect();
    let key = str::from_utf8(value.as_bytes()).map_or_else(|_| latin_1(value.as_bytes()), str::to_owned);
    if values.next().is_some() || key.chars().count() > 255 || key.chars().any(char::is_control) {
        return Err(Problem::invalid_idempotency_key());
    }
    Ok(Some(key).filter(|key| !key.is_empty()))
}

#[cfg(test)]
mod tests;
