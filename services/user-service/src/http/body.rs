//! Reading request bodies: JSON objects of at most 16 KiB. What is wrong with one is told by a fixed sentence and a
//! pointer: a parser's own words quote the value it did not like, which may be a code.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::LengthLimitError;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::problem::Problem;

/// The largest body, in octets.
pub const MAX_BODY_OCTETS: usize = 16 * 1024;

/// A client that has not sent its whole body by then is told so; below the request's own deadline.
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
        match request.extensions_mut().remove::<WholeBody>() {
            Some(WholeBody(body)) => body.map(Self),
            None => read(request.into_body()).await.map(Self),
        }
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
    let mut request = Request::from_parts(parts, Body::empty());
    request.extensions_mut().insert(WholeBody(read(body).await));
    request
}

async fn read(body: Body) -> Result<Bytes, Problem> {
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

/// Parses one JSON object, borrowing from the bytes where it can; nothing else may follow.
pub fn parse_object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
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

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Field::Missing)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Mistyped)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Field::Mistyped)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Field::Mistyped)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::Mistyped)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Mistyped)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Mistyped)
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
