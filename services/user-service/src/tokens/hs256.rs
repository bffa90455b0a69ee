//! The original's tokens: HS256, claims `{user, exp}`, 15 days.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::{Identity, InvalidToken, Lifetime, SignedToken, TokenError};
use crate::accounts::User;

/// How long a token lives.
const LIFE: Duration = Duration::from_hours(15 * 24);

/// Signs and checks under a shared secret.
#[derive(Clone)]
pub struct Hs256 {
    header: Header,
    key: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

#[derive(Serialize)]
struct Claims<'a> {
    user: &'a User,
    exp: u64,
}

/// What is read of a token: those that the original signed have more.
#[derive(Deserialize)]
struct ReadClaims {
    user: User,
    exp: u64,
    #[serde(default, rename = "nbf")]
    _not_before: Option<f64>, // compared by the library, which passes over one that is no number
}

impl Hs256 {
    pub(super) fn new(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        Self {
            header: Header::new(Algorithm::HS256),
            key: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
        }
    }

    pub(super) fn sign(&self, user: &User, not_after: Option<u64>) -> Result<SignedToken, TokenError> {
        let lifetime = Lifetime::new(LIFE, not_after);
        let claims = Claims { user, exp: lifetime.ends };
        let token = encode(&self.header, &claims, &self.key).map_err(TokenError::Sign)?;
        Ok(SignedToken { token, expires_in: lifetime.seconds() })
    }

    pub(super) fn verify(&self, token: &str) -> Result<Identity, InvalidToken> {
        let claims =
            decode::<ReadClaims>(token, &self.decoding, &self.validation).map_err(|_| InvalidToken)?.claims;
        Ok(Identity { user: claims.user, session: None, expires_at: claims.exp })
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

    use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
    use serde_json::{Value, json};

    use super::Hs256;
    use crate::accounts::User;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn a_token_has_exactly_user_and_exp_and_lives_15_days() {
        let user = User::new("00".repeat(12), "ada", "ada@example.org");
        let token = Hs256::new(SECRET).sign(&user, None).unwrap().token;
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

    #[test]
    fn a_renewed_token_ends_with_the_one_before() {
        let tokens = Hs256::new(SECRET);
        let user = User::new("00".repeat(12), "ada", "ada@example.org");
        let old = jsonwebtoken::get_current_timestamp() + 60;
        let renewed = tokens.sign(&user, Some(old)).unwrap();
        assert_eq!(tokens.verify(&renewed.token).unwrap().expires_at, old);
        assert!((58..=60).contains(&renewed.expires_in), "{}", renewed.expires_in);
        // What ends later than a new token would does not make it longer.
        let late = tokens.sign(&user, Some(old + 400 * 86_400)).unwrap();
        assert_eq!(late.expires_in, 15 * 86_400);
    }

    /// As mongoose and the original's `jwt.sign` make it.
    #[test]
    fn a_live_token_of_the_original_is_accepted() {
        let exp = jsonwebtoken::get_current_timestamp() + 60;
        let claims = json!({
            "user": {"_id": "64f0c0ffee64f0c0ffee64f0", "name": "Ada", "email": "ada@example.org",
                "createdAt": "2023-11-14T22:13:20.123Z", "updatedAt": "2023-11-14T22:13:20.123Z", "__v": 0},
            "iat": 1_700_000_000, "exp": exp,
        });
        let sign = |header: &Header, claims: &Value| {
            encode(header, claims, &EncodingKey::from_secret(SECRET)).unwrap()
        };
        let identity = Hs256::new(SECRET).verify(&sign(&Header::default(), &claims)).unwrap();
        assert_eq!((identity.user.name.as_str(), identity.session), ("Ada", None));

        let expired = json!({"user": claims["user"], "exp": exp - 70});
        let endless = json!({"user": claims["user"]});
        let early = json!({"user": claims["user"], "exp": exp, "nbf": exp - 30});
        let odd = json!({"user": claims["user"], "exp": exp, "nbf": "soon"});
        let begun = json!({"user": claims["user"], "exp": exp, "nbf": exp - 60});
        assert!(Hs256::new(SECRET).verify(&sign(&Header::default(), &begun)).is_ok());
        for token in [
            sign(&Header::default(), &expired),
            sign(&Header::default(), &endless),
            sign(&Header::default(), &early),
            sign(&Header::default(), &odd),
            sign(&Header::new(Algorithm::HS512), &claims),
        ] {
            assert!(Hs256::new(SECRET).verify(&token).is_err());
        }
    }
}
