//! The mail event: what `user-service` publishes and `mail-service` delivers.
//!
//! On the wire it is JSON, `{"to","subject","body"}` as the original services wrote it, plus `v`, `id`, `purpose`
//! and `locale`. `sealed` is reserved. A reader ignores fields it does not know, and unwraps once a JSON string
//! that holds the object: some of the original's publishers encode twice. An event without `v` and `id` is another
//! publisher's: its `to` may be anything that mail libraries take, and subject and body may be missing. So is one whose `id` has
//! another form and which has no `v`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{address::EmailAddress, mail_text};

mod foreign;
mod recipients;

/// Header with the moment after which the mail must not go out: Unix milliseconds on Redis' clock (i64).
///
/// A header and not the property `expiration`: dead-lettering strips that (seen on `RabbitMQ` 4.0.5).
pub const EXPIRES_AT_HEADER: &str = "x-ping-expires-at";

/// Header with the moment at which the code was made: Unix milliseconds on Redis' clock (i64). It is the mail's `Date`, on every
/// try.
pub const ISSUED_AT_HEADER: &str = "x-ping-issued-at";

/// Header with the languages that the user would like, as [`crate::locale::Wishes`] writes them (text); absent where there is
/// no wish. A header and not the event's field `locale`: the JSON stays what the original's readers know.
pub const LOCALES_HEADER: &str = "x-ping-locales";

/// Header with the number of the delivery attempt that comes next (i32); absent means 1.
///
/// Our own and not `x-death`: `RabbitMQ` 4 ignores an `x-death` that a client publishes again.
pub const ATTEMPT_HEADER: &str = "x-ping-attempt";

/// The version that this code writes.
pub const EVENT_VERSION: u8 = 1;

/// The purpose of a sign-in mail.
pub const PURPOSE_SIGN_IN: &str = "sign-in";

/// The largest event that is read, in octets; a sign-in event has about 250.
pub const MAX_EVENT_OCTETS: usize = 64 * 1024;

/// The event's own random id, 32 hex digits: the AMQP `message_id`, and the root of the mail's Message-ID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(String);

impl EventId {
    /// The id made of 16 random bytes (the caller's: this crate has no generator).
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]);
        Self(digits.map(char::from).collect())
    }

    /// The 32 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EventId {
    type Err = EventError;

    /// Accepts what [`EventId::from_bytes`] makes. Anything else could carry an address or a code into a key.
    fn from_str(text: &str) -> Result<Self, EventError> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(EventError::Id)
        }
    }
}

/// One mail, to one person where it is ours. `Debug` prints neither subject nor body: they hold the code.
#[derive(Clone, PartialEq, Eq)]
pub struct MailEvent {
    /// Absent in events that the original services published.
    pub id: Option<EventId>,
    /// The recipient, or the first of several.
    pub to: EmailAddress,
    /// The other recipients of an event that is not ours.
    pub also_to: Vec<EmailAddress>,
    /// How many recipients of an event that is not ours cannot be mailed to.
    pub unusable_recipients: usize,
    /// Passed through as it is; the mail builder encodes it.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// Why the mail is sent, [`PURPOSE_SIGN_IN`] or another service's word.
    pub purpose: Option<String>,
    /// A BCP 47 tag, for templates to come.
    pub locale: Option<String>,
}

/// Why bytes are not a mail event. Never holds what was read: that may be a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Over [`MAX_EVENT_OCTETS`].
    #[error("the event is larger than 64 KiB")]
    TooLarge,
    /// Not JSON, not an object, without `to`, or in an event of ours without `subject` or `body`.
    #[error("the event is not a JSON object with to, subject and body")]
    Malformed,
    /// A `v` that this code does not know.
    #[error("the event has a version that this release does not know")]
    Version,
    /// An `id` that is not 32 lower-case hex digits, beside a `v`.
    #[error("the event's id is not 32 hex digits")]
    Id,
    /// A `to` that is not an address Ping mails to.
    #[error("the event's recipient is not an address that can be mailed to")]
    Recipient,
}

/// The JSON form. Field order is what the golden test shows.
#[derive(Serialize, Deserialize)]
struct WireEvent<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    v: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    id: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    to: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    subject: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    body: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
}

impl MailEvent {
    /// The mail with a sign-in code, in the original's words.
    #[must_use]
    pub fn sign_in_code(id: EventId, to: EmailAddress, code: &str, ttl_minutes: u64) -> Self {
        Self {
            id: Some(id),
            to,
            also_to: Vec::new(),
            unusable_recipients: 0,
            subject: mail_text::SUBJECT.to_owned(),
            body: mail_text::body(code, ttl_minutes),
            purpose: Some(PURPOSE_SIGN_IN.to_owned()),
            locale: None,
        }
    }

    /// The event as it goes over the wire.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let wire = WireEvent {
            v: Some(EVENT_VERSION),
            id: self.id.as_ref().map(|id| id.as_str().into()),
            to: self.to.as_str().into(),
            subject: self.subject.as_str().into(),
            body: self.body.as_str().into(),
            purpose: self.purpose.clone(),
            locale: self.locale.clone(),
        };
        serde_json::to_vec(&wire).unwrap_or_default() // cannot fail: texts only, no map with odd keys
    }

    /// Reads an event of ours, of the original services or of another publisher.
    pub fn parse(bytes: &[u8]) -> Result<Self, EventError> {
        Self::parse_with_local(bytes, &[])
    }

    /// The same; recipients that are not ours may be at these domains, which need no dot.
    pub fn parse_with_local(bytes: &[u8], local_domains: &[String]) -> Result<Self, EventError> {
        if bytes.len() > MAX_EVENT_OCTETS {
            return Err(EventError::TooLarge);
        }
        if first_character(bytes) == Some(b'"') {
            let inner = serde_json::from_slice::<String>(bytes).map_err(|_| EventError::Malformed)?;
            return Self::parse_any(inner.as_bytes(), local_domains);
        }
        Self::parse_any(bytes, local_domains)
    }

    fn parse_any(bytes: &[u8], local_domains: &[String]) -> Result<Self, EventError> {
        match Self::parse_object(bytes) {
            Err(refused @ (EventError::Malformed | EventError::Recipient | EventError::Id)) => {
                foreign::parse(bytes, local_domains, refused)
            }
            read => read,
        }
    }

    fn parse_object(bytes: &[u8]) -> Result<Self, EventError> {
        // serde would read a struct from an array too; the contract is an object.
        if first_character(bytes) != Some(b'{') {
            return Err(EventError::Malformed);
        }
        let wire = serde_json::from_slice::<WireEvent<'_>>(bytes).map_err(|_| EventError::Malformed)?;
        if wire.v.is_some_and(|v| v != EVENT_VERSION) {
            return Err(EventError::Version);
        }
        Ok(Self {
            id: wire.id.as_deref().map(EventId::from_str).transpose()?,
            to: EmailAddress::parse(&wire.to).map_err(|_| EventError::Recipient)?,
            also_to: Vec::new(),
            unusable_recipients: 0,
            subject: wire.subject.into_owned(),
            body: wire.body.into_owned(),
            purpose: wire.purpose,
            locale: wire.locale,
        })
    }
}

fn first_character(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|b| !b.is_ascii_whitespace())
}

impl fmt::Debug for MailEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailEvent")
            .field("id", &self.id)
            .field("to", &self.to)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
