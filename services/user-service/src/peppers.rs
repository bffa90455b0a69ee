//! Digests of what must not lie in Redis in clear: codes, challenges, idempotency keys, refresh tokens, the networks that
//! users sign in from. All are HMAC-SHA256 under a pepper, which Redis never sees: a bare hash of a million codes is as good
//! as the code.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ping_contract::{address::EmailAddress, event::PURPOSE_SIGN_IN};
use sha2::{Digest as _, Sha256};

use crate::accounts::User;

mod file;
mod lasting_peppers;

pub use file::reread;
pub use lasting_peppers::LastingPeppers;

/// The shortest pepper, in octets: as long as the digest (RFC 2104, section 3).
pub const MIN_PEPPER_OCTETS: usize = 32;

/// The id of the pepper that is derived where none is configured.
const DERIVED_KID: &str = "derived";

/// A digest in hex digits.
pub type HexDigest = String;

/// One key with its id. The keyed state is kept: a digest then costs two rounds of SHA-256 less.
#[derive(Clone)]
pub struct Pepper {
    kid: String,
    mac: Hmac<Sha256>,
}

/// The current pepper and the older ones, whose codes may still live. Clones share a rotation.
#[derive(Clone)]
pub struct Peppers(Arc<ArcSwap<Vec<Pepper>>>);

/// Another key, from which a pepper with the same id is derived.
#[derive(Clone, Copy)]
pub struct KeySecret<'a> {
    /// The key's id.
    pub kid: &'a str,
    pub secret: &'a [u8],
}

/// Why `OTP_PEPPERS` cannot be used. Never holds what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PepperError {
    #[error("no pepper is given; write at least one as id:hex-digits")]
    None,
    /// An entry without a colon, or with characters that an id cannot have.
    #[error("a pepper is not of the form id:hex-digits, with an id of 1 to 16 letters, digits, - or _")]
    Malformed,
    /// Fewer than [`MIN_PEPPER_OCTETS`].
    #[error("a pepper has fewer than 32 octets; make one with: openssl rand -hex 32")]
    TooShort,
    /// Two entries with one id.
    #[error("two peppers have the same id")]
    Doubled,
}

impl Pepper {
    fn new(kid: &str, key: &[u8]) -> Option<Self> {
        Some(Self { kid: kid.to_owned(), mac: Hmac::new_from_slice(key).ok()? })
    }

    /// The key's id, as it is stored beside a digest.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The digest of a code for an address: bound to its purpose and its address, parts separated by NUL, which none
    /// of them can hold.
    #[must_use]
    pub fn code_digest(&self, address: &EmailAddress, code: &str) -> HexDigest {
        hex::encode(self.mac(&["ping/otp/1", PURPOSE_SIGN_IN, address.as_str(), code]))
    }

    /// The challenge of an issue, 32 hex digits. Derived and not drawn, so that a replay of the login can answer it
    /// again while Redis holds only its hash.
    #[must_use]
    pub fn challenge(&self, issue_id: &str) -> String {
        hex::encode(&self.mac(&["ping/challenge/1", issue_id])[..16])
    }

    /// The form in which an `Idempotency-Key` is stored.
    #[must_use]
    pub fn idempotency_digest(&self, key: &str) -> HexDigest {
        hex::encode(self.mac(&["ping/idempotency/1", key]))
    }

    /// The form in which a client network is stored beside a mailbox: whoever reads Redis does not learn where a user
    /// signs in from. 32 hex digits.
    #[must_use]
    pub fn network_digest(&self, mailbox: &str, network: &str) -> HexDigest {
        hex::encode(&self.mac(&["ping/network/1", mailbox, network])[..16])
    }

    /// What tells one login's body from another's.
    #[must_use]
    pub fn fingerprint(&self, address: &EmailAddress) -> HexDigest {
        hex::encode(&self.mac(&["ping/fingerprint/1", address.as_str()])[..16])
    }

    /// What a session's record holds of its family of refresh tokens. It is bound to whose session it is: who can write to
    /// Redis can neither make a record nor turn one of their own into another user's.
    #[must_use]
    pub fn family_digest(&self, family: &[u8], owner: &User) -> HexDigest {
        // JSON keeps the texts apart, whatever they hold.
        let owner = serde_json::json!([owner.id, owner.email, owner.name]).to_string();
        hex::encode(self.mac(&["ping/session/1", &hex::encode(family), &owner]))
    }

    /// What a session's record holds of one refresh token.
    #[must_use]
    pub fn refresh_token_digest(&self, token: &[u8]) -> HexDigest {
        hex::encode(self.mac(&["ping/refresh-token-record/1", &hex::encode(token)]))
    }

    fn mac(&self, parts: &[&str]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                mac.update(&[0]);
            }
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

/// The form in which a challenge is stored. A plain hash is enough: it has 128 random bits.
#[must_use]
pub fn challenge_hash(challenge: &str) -> HexDigest {
    hex::encode(Sha256::digest(challenge.as_bytes()))
}

impl Peppers {
    /// The one pepper derived from another secret (HKDF, RFC 5869), where none is configured.
    #[must_use]
    pub fn derived_from(secret: &[u8]) -> Self {
        let key = derive_key(secret, "ping/otp-pepper/1");
        Self::from_vec(Pepper::new(DERIVED_KID, &key).into_iter().collect())
    }

    /// One pepper derived from each key, the first the current one, where none are configured.
    #[must_use]
    pub fn derived_from_keys<'a>(keys: impl IntoIterator<Item = KeySecret<'a>>) -> Self {
        Self::from_vec(of_keys(keys))
    }

    /// Replaces the derived peppers after a rotation of the keys.
    pub fn replace_derived<'a>(&self, keys: impl IntoIterator<Item = KeySecret<'a>>) {
        self.0.store(Arc::new(of_keys(keys)));
    }

    /// Reads `id:hex-digits` entries, separated by commas or line ends; the first is the current one.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        parse(text).map(Self::from_vec)
    }

    fn from_vec(peppers: Vec<Pepper>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(peppers)))
    }

    /// All of them as they are now, the current one first; never empty.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<Pepper>> {
        self.0.load_full()
    }

    /// Takes a new set into use. Answers whether anything changed.
    pub fn replace(&self, text: &str) -> Result<bool, PepperError> {
        let new = parse(text)?;
        let kids = |peppers: &[Pepper]| peppers.iter().map(|pepper| pepper.kid.clone()).collect::<Vec<_>>();
        let changed = kids(&self.all()) != kids(&new);
        self.0.store(Arc::new(new));
        Ok(changed)
    }
}

fn of_keys<'a>(keys: impl IntoIterator<Item = KeySecret<'a>>) -> Vec<Pepper> {
    let derived = |key: KeySecret<'a>| {
        let pepper = derive_key(key.secret, "ping/otp-pepper/1");
        Pepper::new(key.kid, &pepper)
    };
    keys.into_iter().filter_map(derived).collect()
}

/// A key of 32 octets for one use, from a secret that has others.
#[must_use]
pub fn derive_key(secret: &[u8], purpose: &str) -> [u8; 32] {
    let mut key = [0; 32];
    // Fails for more than 255 blocks only: this is one.
    let _ = Hkdf::<Sha256>::new(None, secret).expand(purpose.as_bytes(), &mut key);
    key
}

fn parse(text: &str) -> Result<Vec<Pepper>, PepperError> {
    let mut peppers = Vec::<Pepper>::new();
    for entry in text.split([',', '\n', '\r']).map(str::trim).filter(|entry| !entry.is_empty()) {
        let (kid, digits) = entry.split_once(':').ok_or(PepperError::Malformed)?;
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if kid.is_empty() || kid.len() > 16 || !kid.bytes().all(word) {
            return Err(PepperError::Malformed);
        }
        let key = hex::decode(digits).map_err(|_| PepperError::Malformed)?;
        if key.len() < MIN_PEPPER_OCTETS {
            return Err(PepperError::TooShort);
        }
        if peppers.iter().any(|pepper| pepper.kid == kid) {
            return Err(PepperError::Doubled);
        }
        peppers.push(Pepper::new(kid, &key).ok_or(PepperError::Malformed)?);
    }
    if peppers.is_empty() { Err(PepperError::None) } else { Ok(peppers) }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pepper").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeySecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySecret").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().iter()).finish()
    }
}

#[cfg(test)]
mod tests;
