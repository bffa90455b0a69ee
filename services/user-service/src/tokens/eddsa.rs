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
    issuer: String,
    audience: String,
    life: Duration,
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
    /// Tokens of this issuer, for this audience.
    #[must_use]
    pub fn new(ring: KeyRing, (issuer, audience): (String, String), life: Duration) -> Self {
        Self { ring, issuer, audience, life }
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
            iss: &self.issuer,
            aud: &self.audience,
            sub: &user.id,
            iat: now,
            exp: now + self.life.as_secs(),
            jti: uuid::Uuid::new_v4().to_string(),
            sid: &session.id,
            auth_time: session.auth_time,
            amr: METHODS,
            email: &user.email,
            name: &user.name,
        };
        let header = Header { kid: Some(key.kid().to_owned()), ..Header::new(Algorithm::EdDSA) };
        let token = encode(&header, &claims, key.encoding()).map_err(TokenError::Sign)?;
        Ok(SignedToken { token, expires_in: self.life.as_secs() })
    }

    pub(super) fn verify(&self, token: &str) -> Result<Identity, InvalidToken> {
        let kid = decode_header(token).ok().and_then(|header| header.kid).ok_or(InvalidToken)?;
        let key = self.ring.find(&kid).ok_or(InvalidToken)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_SECONDS;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        let claims = decode::<Claims>(token, key.decoding(), &validation).map_err(|_| InvalidToken)?.claims;
        let user = User::new(claims.sub, claims.name, claims.email);
        Ok(Identity { user, session: Some(SessionRef { id: claims.sid, auth_time: claims.auth_time }) })
    }
}

#[cfg(test)]
mod tests;
