//! The JSON form of a sealed event.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ping_contract::event::{EventError, EventId, MAX_EVENT_OCTETS};
use serde::{Deserialize, Serialize};

/// The version of a sealed event.
pub const SEALED_VERSION: u8 = 2;

/// A sealed event as it was read: nothing of it is authenticated yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// The event's id.
    pub id: EventId,
    /// Why the mail is sent.
    pub purpose: String,
    /// Names the key that opens it.
    pub key_id: String,
    pub(crate) encapsulated: [u8; 32],
    pub(crate) nonce: [u8; 12],
    pub(crate) ciphertext: Vec<u8>,
}

/// The version alone, which tells what the rest looks like.
#[derive(Deserialize)]
struct Versioned {
    v: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct WireEvent {
    v: u8,
    id: String,
    purpose: String,
    sealed: WireSealed,
}

#[derive(Serialize, Deserialize)]
struct WireSealed {
    k: String,
    e: String,
    n: String,
    c: String,
}

impl SealedEvent {
    /// Reads an event; `None` if it is not one of version 2, which `MailEvent` reads.
    ///
    /// # Errors
    ///
    /// [`EventError`] where the event says that it is sealed and has another form.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, EventError> {
        // A cheap look first: most events of version 1 end here.
        if bytes.len() > MAX_EVENT_OCTETS || !contains(bytes, b"\"sealed\"") {
            return Ok(None);
        }
        let wire = match serde_json::from_slice::<WireEvent>(bytes) {
            Ok(wire) if wire.v == SEALED_VERSION => wire,
            Err(_) if version(bytes) == Some(u64::from(SEALED_VERSION)) => return Err(EventError::Malformed),
            _ => return Ok(None),
        };
        Ok(Some(Self {
            id: wire.id.parse::<EventId>()?,
            purpose: wire.purpose,
            key_id: wire.sealed.k,
            encapsulated: octets(&wire.sealed.e)?,
            nonce: octets(&wire.sealed.n)?,
            ciphertext: STANDARD.decode(&wire.sealed.c).map_err(|_| EventError::Malformed)?,
        }))
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let wire = WireEvent {
            v: SEALED_VERSION,
            id: self.id.as_str().to_owned(),
            purpose: self.purpose.clone(),
            sealed: WireSealed {
                k: self.key_id.clone(),
                e: STANDARD.encode(self.encapsulated),
                n: STANDARD.encode(self.nonce),
                c: STANDARD.encode(&self.ciphertext),
            },
        };
        serde_json::to_vec(&wire).unwrap_or_default() // cannot fail: texts only
    }
}

fn version(bytes: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Versioned>(bytes).ok()?.v
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn octets<const N: usize>(text: &str) -> Result<[u8; N], EventError> {
    let octets = STANDARD.decode(text).map_err(|_| EventError::Malformed)?;
    octets.try_into().map_err(|_| EventError::Malformed)
}
