//! Tokens that any service can check: `EdDSA`, short-lived, their keys published.

use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use super::{Identity, InvalidToken, Lifetime, SessionRef, SignedToken, TokenError, key_ring::KeyRing};
use crate::accounts::User;

/// Clocks of two replicas may differ by this, in seconds.
const LEEWAY_SECONDS: u64 = 5;

/// How a person has shown who they are: a one-time code (RFC 8176).
const METHODS: [&str; 1] = ["otp"];

/// The header `typ` of an access token (RFC 9068): no other kind of JWT under the same key passes for one.
const TYPE: &str = "at+jwt";

/// What earlier versions wrote there.
const OLD_TYPE: &str = "JWT";

/// How long pods of an earlier version may go on signing after this one has started.
const ROLLOUT: Duration = Duration::from_mins(10);

/// Signs under the newest ripe key, accepts every published one.
#[derive(Debug, Clone)]
pub struct EdDsa {
    ring: KeyRing,
    options: TokenOptions,
    started: Instant,
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
    exp: u64,
    sid: String,
    auth_time: u64,
    email: String,
    name: String,
}

impl EdDsa {
    /// Tokens under the keys of this ring.
    #[must_use]
    pub fn new(ring: KeyRing, options: TokenOptions) -> Self {
        Self { ring, options, started: Instant::now() }
    }

    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(super) fn sign(
        &self,
        user: &User,
        session: &SessionRef,
        not_after: Option<u64>,
    ) -> Result<SignedToken, TokenError> {
        let lifetime = Lifetime::new(self.options.life, not_after);
        let key = self.ring.signing();
        let claims = NewClaims {
            iss: &self.options.issuer,
            aud: &self.options.audience,
            sub: &user.id,
            iat: lifetime.now,
            exp: lifetime.ends,
            jti: uuid::Uuid::new_v4().to_string(),
            sid: &session.id,
            auth_time: session.auth_time,
            amr: METHODS,
            email: &user.email,
            name: &user.name,
        };
        let typ = Some(TYPE.to_owned());
        let header = Header { kid: Some(key.kid().to_owned()), typ, ..Header::new(Algorithm::EdDSA) };
        let token = encode(&header, &claims, key.encoding()).map_err(TokenError::Sign)?;
        Ok(SignedToken { token, expires_in: lifetime.seconds() })
    }

    pub(super) fn verify(&self, token: &str) -> Result<Identity, InvalidToken> {
        self.verify_after(self.started.elapsed(), token)
    }

    /// `running`: how long this process runs. Tokens of an earlier version are accepted for the life of one.
    fn verify_after(&self, running: Duration, token: &str) -> Result<Identity, InvalidToken> {
        let header = decode_header(token).map_err(|_| InvalidToken)?;
        let typ = header.typ.as_deref().unwrap_or(OLD_TYPE);
        let is_old = typ.eq_ignore_ascii_case(OLD_TYPE) && running < self.options.life + ROLLOUT;
        if !is_access_token(typ) && !is_old {
            return Err(InvalidToken);
        }
        let key = header.kid.and_then(|kid| self.ring.find(&kid)).ok_or(InvalidToken)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.options.issuer]);
        validation.set_audience(&[&self.options.audience]);
        let claims = decode::<Claims>(token, key.decoding(), &validation).map_err(|_| InvalidToken)?.claims;
        let user = User::new(claims.sub, claims.name, claims.email);
        let session = Some(SessionRef { id: claims.sid, auth_time: claims.auth_time });
        Ok(Identity { user, session, expires_at: claims.exp })
    }
}

/// A media type, whose `application/` may be left out (RFC 7515, section 4.1.9).
fn is_access_token(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TYPE
}

#[cfg(test)]
mod tests;
