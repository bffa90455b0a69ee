//! Reading request bodies: JSON objects of at most 16 KiB, plain or packed. What is wrong with one is told by a fixed
//! sentence and a pointer: a parser's own words quote the value it did not like, which may be a code.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::LengthLimitError;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use self::encoding::{Encoding, UnpackError};
use super::problem::Problem;

mod encoding;

/// The largest body, in octets: both as it is sent and once it is unpacked.
pub const MAX_BODY_OCTETS: usize = 16 * 1024;

/// A client that has not sent its whole body by then gets 408; below the request's own deadline.
const READ_DEADLINE: Duration = Duration::from_secs(3);

/// The bytes of a body whose header says that it is JSON. Extracting one fails with 408, 413 or 415.
#[derive(Debug, Clone)]
pub struct JsonBody(Bytes);

impl JsonBody {
    /// What [`parse_object`] reads.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(mut request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::unsupported_media_type());
        }
        if let Some(WholeBody(body)) = request.extensions_mut().remove::<WholeBody>() {
            return body.map(Self);
        }
        let (parts, body) = request.into_parts();
        read(&parts.headers, body).await.map(Self)
    }
}

/// The body of a request that was read before its handler runs, or why it could not be.
#[derive(Debug, Clone)]
struct WholeBody(Result<Bytes, Problem>);

/// Reads the body of a request that says it is JSON; [`JsonBody`] finds it. Others are not read: no handler wants them.
pub(crate) async fn read_ahead(request: Request) -> Request {
    if !is_json(request.headers()) {
        return request;
    }
    let (parts, body) = request.into_parts();
    let whole = read(&parts.headers, body).await;
    let mut request = Request::from_parts(parts, Body::empty());
    request.extensions_mut().insert(WholeBody(whole));
    request
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let encoding = Encoding::of(headers).ok_or(Problem::unsupported_content_encoding(encoding::ACCEPTED))?;
    let sent = receive(body).await?;
    encoding.unpack(sent, MAX_BODY_OCTETS).map_err(|error| match error {
        UnpackError::TooLarge => Problem::body_too_large(),
        UnpackError::Malformed => Problem::malformed_body(),
    })
}

async fn receive(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(READ_DEADLINE, to_bytes(body, MAX_BODY_OCTETS)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.source().is_some_and(<dyn StdError + 'static>::is::<LengthLimitError>) => {
            Err(Problem::body_too_large())
        }
        Ok(Err(_)) => Err(Problem::malformed_body()),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

/// `application/json` or `application/…+json`, whatever parameters follow: JSON is UTF-8 by definition (RFC 8259).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    subtype == "json" || (subtype.len() > 5 && subtype.ends_with("+json"))
}

/// Parses one JSON object, borrowing from the bytes where it can; nothing else may follow. A byte order mark before it
/// is skipped (RFC 8259, 8.1).
pub fn parse_object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    // serde would read a struct from an array too.
    let first = bytes.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    if first != Some(&b'{') {
        return Err(Problem::malformed_body());
    }
    serde_json::from_slice(bytes).map_err(|_| Problem::malformed_body())
}

/// A field that should be text, whatever it is: so that a mistyped one can be pointed to.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Field<'a> {
    /// Not there, or null.
    #[default]
    Missing,
    /// Text.
    Text(Cow<'a, str>),
    /// Of another type.
    Mistyped,
}

impl Field<'_> {
    /// The text; `None` where there is none, or an empty one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text).filter(|t| !t.is_empty()).map(|t| &**t) } else { None }
    }
}

/// Never prints what the field holds.
impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Text(_) => "Text(…)",
            Self::Mistyped => "Mistyped",
        })
    }
}

/// By its first octet, and not by a visitor: numbers that Rust has no type for, such as `1e400`, are a mistyped field too,
/// and no malformed body.
impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

        let json = <&RawValue>::deserialize(deserializer)?.get();
        // A JSON text without an escape is what stands between its quotes.
        if let Some(text) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
            && !text.as_bytes().contains(&b'\\')
        {
            return Ok(Self::Text(Cow::Borrowed(text)));
        }
        match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<Text<'_>>(json)
                .map(|Text(text)| Self::Text(text))
                .map_err(D::Error::custom),
            Some(b'n') => Ok(Self::Missing),
            _ => Ok(Self::Mistyped),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
    use serde::Deserialize;

    use super::{Field, is_json, parse_object};

    #[derive(Deserialize)]
    struct One<'a> {
        #[serde(borrow, default)]
        a: Field<'a>,
    }

    fn field(json: &str) -> Option<String> {
        parse_object::<One<'_>>(json.as_bytes()).ok().map(|one| format!("{:?}", one.a))
    }

    #[test]
    fn a_field_is_text_missing_or_mistyped() {
        for (json, expected) in [
            ("{}", Some("Missing")),
            (r#"{"a":null}"#, Some("Missing")),
            (r#"{"a":"x","other":[1]}"#, Some("Text(…)")),
            (r#"{"a":"\u0041"}"#, Some("Text(…)")),
            (r#"{"a":1}"#, Some("Mistyped")),
            (r#"{"a":-1.5e3}"#, Some("Mistyped")),
            (r#"{"a":true}"#, Some("Mistyped")),
            (r#"{"a":["x",{"b":1}]}"#, Some("Mistyped")),
            (r#"{"a":{"b":["c"]}}"#, Some("Mistyped")),
            (r#"{"a":"x","a":"y"}"#, None),
            (r#"["x"]"#, None),
            (r#"{"a":"x"} {}"#, None),
            (r#"{"a":"\ud800"}"#, None),
            ("{\"a\":\"\u{0}\"}", None),
            ("", None),
            ("null", None),
        ] {
            assert_eq!(field(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn an_empty_text_is_as_good_as_none() {
        assert_eq!(parse_object::<One<'_>>(br#"{"a":""}"#).unwrap().a.text(), None);
        assert_eq!(parse_object::<One<'_>>(br#"{"a":"x"}"#).unwrap().a.text(), Some("x"));
    }

    #[test]
    fn one_byte_order_mark_before_the_object_is_skipped() {
        assert_eq!(field("\u{feff}{\"a\":\"x\"}").as_deref(), Some("Text(…)"));
        for wrong in ["\u{feff}\u{feff}{}", " \u{feff}{}", "{}\u{feff}", "\u{feff}"] {
            assert_eq!(field(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let deep = format!("{{\"a\":{}", "[".repeat(16_000));
        assert_eq!(field(&deep), None);
    }

    #[test]
    fn json_is_named_in_several_ways() {
        let says = |value: &'static str| {
            is_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(says(json), "{json}");
        }
        for other in
            ["text/plain", "application/x-www-form-urlencoded", "application/+json", "json", "text/json"]
        {
            assert!(!says(other), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
