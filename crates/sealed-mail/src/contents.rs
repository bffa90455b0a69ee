//! What is sealed, and what it is bound to.

use ping_contract::{address::EmailAddress, event::EventId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::suite::LABEL;

/// A sign-in code, whom it is for and how long it lives. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents {
    /// The recipient.
    pub to: EmailAddress,
    /// The code, six digits.
    pub code: String,
    /// How long the code lives, in seconds.
    pub ttl_seconds: u64,
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}

/// What stays readable, and is authenticated: sealed contents are worth nothing beside any other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The event's id.
    pub id: &'a EventId,
    /// The event's purpose, such as `sign-in`.
    pub purpose: &'a str,
    /// When the code expires, in milliseconds since the Unix epoch by Redis' clock: the header of the message.
    pub expires_at_ms: i64,
}

impl Binding<'_> {
    /// The associated data. An id has no zero octet and a fixed length, so two bindings never have the same form.
    pub(crate) fn associated_data(&self) -> Vec<u8> {
        let expires_at = self.expires_at_ms.to_be_bytes();
        [LABEL, self.id.as_str().as_bytes(), &expires_at, self.purpose.as_bytes()].join(&0)
    }
}

/// The sealed text. Field names are part of the wire contract.
#[derive(Serialize, Deserialize)]
struct Plaintext<'a> {
    to: &'a str,
    code: &'a str,
    ttl_s: u64,
}

impl Contents {
    pub(crate) fn to_plaintext(&self) -> Vec<u8> {
        let plaintext = Plaintext { to: self.to.as_str(), code: &self.code, ttl_s: self.ttl_seconds };
        serde_json::to_vec(&plaintext).unwrap_or_default() // cannot fail: texts and numbers only
    }

    /// `None` if a later release wrote something else.
    pub(crate) fn from_plaintext(plaintext: &Zeroizing<Vec<u8>>) -> Option<Self> {
        let read = serde_json::from_slice::<Plaintext<'_>>(plaintext).ok()?;
        Some(Self {
            to: EmailAddress::parse(read.to).ok()?,
            code: read.code.to_owned(),
            ttl_seconds: read.ttl_s,
        })
    }
}
