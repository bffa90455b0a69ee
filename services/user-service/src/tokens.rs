//! Tokens: what a verified code is worth, and how one is checked.
//!
//! Either `EdDSA`, short-lived, beside sessions with refresh tokens (`TOKEN_SIGNING_KEYS_DIR`); or HS256 as the
//! original's services read it. Never both: the algorithm is pinned.

mod eddsa;
mod hs256;
mod jwks;
mod key_folder;
mod key_ring;
mod publication;
mod rotation;
mod signing_key;
mod watch;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::accounts::User;

pub use eddsa::{EdDsa, TokenOptions};
pub use hs256::Hs256;
pub use jwks::MAX_AGE_SECONDS as JWKS_MAX_AGE_SECONDS;
pub use key_folder::{KeyFile, KeyFolderError, read as read_key_folder};
pub use key_ring::KeyRing;
pub use publication::Publication;
pub use signing_key::SigningKey;
pub use watch::{OnChange, Watched, watch};

/// A token could not be made. Its source never holds the key.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    /// An `EdDSA` token names its session.
    #[error("there is no session to sign a token for")]
    NoSession,
}

/// Not a good token. Why is not said: nobody but its forger could use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct InvalidToken;

/// A session as tokens name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRef {
    /// 32 hex digits.
    pub id: String,
    /// When its code was verified, in Unix seconds.
    pub auth_time: u64,
}

/// Who a good token speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The person, as they were called when it was signed.
    pub user: User,
    /// The session, where there are sessions.
    pub session: Option<SessionRef>,
    /// `exp`, in Unix seconds.
    pub expires_at: u64,
}

#[derive(Clone)]
pub struct SignedToken {
    pub token: String,
    /// How long it lives, in seconds.
    pub expires_in: u64,
}

/// The life of a token that is signed at one time and ends at another, in Unix seconds.
#[derive(Debug, Clone, Copy)]
struct Lifetime {
    now: u64,
    ends: u64,
}

impl Lifetime {
    /// From now on, for `life`, but not beyond `not_after`.
    fn new(life: Duration, not_after: Option<u64>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let ends = now.saturating_add(life.as_secs());
        Self { now, ends: not_after.map_or(ends, |last| ends.min(last)) }
    }

    fn seconds(self) -> u64 {
        self.ends.saturating_sub(self.now)
    }
}

/// Makes and checks tokens, in the one way that is configured.
#[derive(Debug, Clone)]
pub enum Tokens {
    /// `{user, exp}` under `JWT_SECRET`, as the original's services read it.
    Hs256(Box<Hs256>),
    /// Under a key whose public half is published.
    EdDsa(EdDsa),
}

impl Tokens {
    /// HS256 under a shared secret.
    #[must_use]
    pub fn hs256(secret: &[u8]) -> Self {
        Self::Hs256(Box::new(Hs256::new(secret)))
    }

    /// A token for a user who has proved that they can read the mail of their address. `session` is theirs where there are
    /// sessions. The token ends at `not_after` (Unix seconds) if its usual life is longer.
    pub fn sign(
        &self,
        user: &User,
        session: Option<&SessionRef>,
        not_after: Option<u64>,
    ) -> Result<SignedToken, TokenError> {
        match (self, session) {
            (Self::Hs256(tokens), _) => tokens.sign(user, not_after),
            (Self::EdDsa(tokens), Some(session)) => tokens.sign(user, session, not_after),
            (Self::EdDsa(_), None) => Err(TokenError::NoSession),
        }
    }

    /// Who this token speaks of.
    pub fn verify(&self, token: &str) -> Result<Identity, InvalidToken> {
        match self {
            Self::Hs256(tokens) => tokens.verify(token),
            Self::EdDsa(tokens) => tokens.verify(token),
        }
    }

    /// The published keys; `None` where the one key is a secret.
    #[must_use]
    pub fn jwks(&self) -> Option<bytes::Bytes> {
        match self {
            Self::Hs256(_) => None,
            Self::EdDsa(tokens) => Some(tokens.ring().jwks()),
        }
    }
}
