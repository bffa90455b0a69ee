//! The key set that other services check tokens with (RFC 7517).

use serde::Serialize;

use super::signing_key::Jwk;

/// How long others may keep the set, in seconds.
pub const MAX_AGE_SECONDS: u64 = 300;

#[derive(Serialize)]
struct KeySet<'a> {
    keys: Vec<&'a Jwk>,
}

/// The body of `/.well-known/jwks.json`.
pub(super) fn body<'a>(keys: impl Iterator<Item = &'a Jwk>) -> bytes::Bytes {
    serde_json::to_vec(&KeySet { keys: keys.collect() }).unwrap_or_default().into() // cannot fail: texts only
}
