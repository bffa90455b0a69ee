//! Tokens: what a verified code is worth.

mod hs256;

use crate::accounts::User;

/// A token could not be made. Its source never holds the key.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed")]
pub struct TokenError(#[source] jsonwebtoken::errors::Error);

/// Makes tokens, in the one way that is configured: the algorithm is pinned.
#[derive(Debug, Clone)]
pub enum TokenIssuer {
    /// `{user, exp}` under `JWT_SECRET`, as the original's services read it.
    Hs256(hs256::Hs256),
}

impl TokenIssuer {
    /// HS256 under a shared secret.
    #[must_use]
    pub fn hs256(secret: &[u8]) -> Self {
        Self::Hs256(hs256::Hs256::new(secret))
    }

    /// A token for a person who has just proved to read this address' mail.
    pub fn sign(&self, user: &User) -> Result<String, TokenError> {
        match self {
            Self::Hs256(issuer) => issuer.sign(user),
        }
    }
}
