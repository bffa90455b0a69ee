//! Tokens that any service can check: `EdDSA`, short-lived, their keys published.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use super::{Identity, InvalidToken, SessionRef, SignedToken, TokenError, key_ring::KeyRing};
use crate::accounts::User;

/// Clocks of two replicas may differ by this, in seconds.
const LEEWAY_SECONDS: u64 = 5;

/// How a person has shown who they are: a one-time code (RFC 8176).
const METHODS: [&str; 1] = ["otp"];

/// Signs under the newest ripe key, accepts every published one.
#[derive(Debug, Clone)]
pub struct EdDsa {
    ring: KeyRing,
    options: TokenOptions,
}

/// What tokens say about where they come from and go to, and how long they live.
#[derive(Debug, Clone)]
pub struct TokenOptions {
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
    /// The time from `iat` to `exp`.
    pub life: Duration,
}

#[derive(Serialize)]
struct NewClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
    sid: &'a str,
    auth_time: u64,
    amr: [&'static str; 1],
    email: &'a str,
    name: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    sid: String,
    auth_time: u64,
    email: String,
    name: String,
}

impl EdDsa {
    /// Tokens under the keys of this ring.
    #[must_use]
    pub fn new(ring: KeyRing, options: TokenOptions) -> Self {
        Self { ring, options }
    }

    /// The keys.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(super) fn sign(&self, user: &User, session: &SessionRef) -> Result<SignedToken, TokenError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let key = self.ring.signing();
        let claims = NewClaims {
            iss: &self.options.issuer,
            aud: &self.options.audience,
            sub: &user.id,
            iat: now,
            exp: now + self.options.life.as_secs(),
            jti: uuid::Uuid::new_v4().to_string(),
            sid: &session.id,
            auth_time: session.auth_time,
            amr: METHODS,
            email: &user.email,
            name: &user.name,
        };
        let header = Header { kid: Some(key.kid().to_owned()), ..Header::new(Algorithm::EdDSA) };
        let token = encode(&header, &claims, key.encoding()).map_err(TokenError::Sign)?;
        Ok(SignedToken { token, expires_in: self.options.life.as_secs() })
    }

    pub(super) fn verify(&self, token: &str) -> Result<Identity, InvalidToken> {
        let kid = decode_header(token).ok().and_then(|header| header.kid).ok_or(InvalidToken)?;
        let key = self.ring.find(&kid).ok_or(InvalidToken)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_SECONDS;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.options.issuer]);
        validation.set_audience(&[&self.options.audience]);
        let claims = decode::<Claims>(token, key.decoding(), &validation).map_err(|_| InvalidToken)?.claims;
        let user = User::new(claims.sub, claims.name, claims.email);
        Ok(Identity { user, session: Some(SessionRef { id: claims.sid, auth_time: claims.auth_time }) })
    }
}

#[cfg(test)]
mod tests;
