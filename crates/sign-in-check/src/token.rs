//! Whether a service that reads the published keys would accept a token.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use ping_contract::synthetic;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

/// `Err` says why not. Times are not compared: the clock of this machine decides nothing.
pub(crate) fn check(token: &str, keys: &Value) -> Result<(), &'static str> {
    let header = decode_header(token).map_err(|_| "it is not a JWT")?;
    let keys = JwkSet::deserialize(keys).map_err(|_| "the published keys are not a JWK set")?;
    let kid = header.kid.as_deref().ok_or("it names no key")?;
    let key = keys.find(kid).ok_or("its key is not published")?;
    let key = DecodingKey::from_jwk(key).map_err(|_| "its published key cannot be read")?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let token = decode::<Claims>(token, &key, &validation).map_err(|_| "its signature is not its key's")?;
    if token.claims.sub == synthetic::USER_ID { Ok(()) } else { Err("it names another user") }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use ping_contract::synthetic;
    use serde_json::{Value, json};

    use super::check;

    // The keys of RFC 8032, 7.1, tests 1 and 2.
    const SECRETS: [&str; 2] = [
        "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "302e020100300506032b6570042204204ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    ];
    const PUBLIC: [&str; 2] = [
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ];

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn token(secret: &str, kid: Option<&str>, sub: &str) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &json!({ "sub": sub, "exp": 1 }), &EncodingKey::from_ed_der(&octets(secret))).unwrap()
    }

    fn keys(public: &str) -> Value {
        let x = URL_SAFE_NO_PAD.encode(octets(public));
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "k", "x": x }] })
    }

    #[test]
    fn a_token_is_good_if_a_published_key_signed_it_for_the_synthetic_user() {
        let user = synthetic::USER_ID;
        let published = keys(PUBLIC[0]);
        assert_eq!(check(&token(SECRETS[0], Some("k"), user), &published), Ok(()));
        for (token, why) in [
            (token(SECRETS[0], Some("other"), user), "its key is not published"),
            (token(SECRETS[0], None, user), "it names no key"),
            (token(SECRETS[0], Some("k"), "64f0c0ffee64f0c0ffee64f0"), "it names another user"),
            ("nonsense".to_owned(), "it is not a JWT"),
        ] {
            assert_eq!(check(&token, &published), Err(why));
        }
        let other = token(SECRETS[1], Some("k"), user);
        assert_eq!(check(&other, &published), Err("its signature is not its key's"));
    }
}
