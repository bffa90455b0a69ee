//! The original's tokens: HS256, claims `{user, exp}`, 15 days.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use super::TokenError;
use crate::accounts::User;

/// How long a token lives.
const LIFE: Duration = Duration::from_hours(15 * 24);

/// Signs under a shared secret.
#[derive(Clone)]
pub struct Hs256 {
    header: Header,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    user: &'a User,
    exp: u64,
}

impl Hs256 {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self { header: Header::new(Algorithm::HS256), key: EncodingKey::from_secret(secret) }
    }

    pub(super) fn sign(&self, user: &User) -> Result<String, TokenError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = Claims { user, exp: (now + LIFE).as_secs() };
        encode(&self.header, &claims, &self.key).map_err(TokenError)
    }
}

impl std::fmt::Debug for Hs256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hs256")
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    use serde_json::Value;

    use super::Hs256;
    use crate::accounts::User;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn a_token_has_exactly_user_and_exp_and_lives_15_days() {
        let user = User { id: "00".repeat(12), name: "ada".to_owned(), email: "ada@example.org".to_owned() };
        let token = Hs256::new(SECRET).sign(&user).unwrap();
        let key = DecodingKey::from_secret(SECRET);
        let claims = decode::<Value>(&token, &key, &Validation::new(Algorithm::HS256)).unwrap().claims;
        assert_eq!(claims.as_object().unwrap().len(), 2, "{claims}");
        assert_eq!(claims["user"]["_id"], "00".repeat(12));
        assert_eq!(claims["user"]["email"], "ada@example.org");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(claims["exp"].as_u64().unwrap().abs_diff(now + 15 * 86_400) <= 5, "{claims}");
        let wrong = DecodingKey::from_secret(b"another secret of 32 octets.....");
        assert!(decode::<Value>(&token, &wrong, &Validation::new(Algorithm::HS256)).is_err());
    }
}
