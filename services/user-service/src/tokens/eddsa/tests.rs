use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header, decode_header, encode};
use serde_json::{Value, json};

use super::{EdDsa, TokenOptions};
use crate::{
    accounts::User,
    tokens::{
        SessionRef,
        key_folder::KeyFile,
        key_ring::KeyRing,
        signing_key::{
            SigningKey,
            tests::{KEY_A, KEY_B},
        },
    },
};

const LIFE: Duration = Duration::from_mins(15);

fn issuer(pem: &str, issuer: &str, audience: &str) -> EdDsa {
    let file = KeyFile { name: "key.pem".to_owned(), key: SigningKey::parse(pem).unwrap() };
    let ring = KeyRing::new(vec![file], LIFE).unwrap();
    EdDsa::new(ring, TokenOptions { issuer: issuer.to_owned(), audience: audience.to_owned(), life: LIFE })
}

fn ada() -> User {
    User::new("0a".repeat(12), "Ada", "ada@example.org")
}

fn session() -> SessionRef {
    SessionRef { id: "ab".repeat(16), auth_time: 1_700_000_000 }
}

fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn a_token_has_the_claims_of_the_contract_and_reads_back() {
    let tokens = issuer(KEY_A, "https://id.example.org", "shop");
    let signed = tokens.sign(&ada(), &session(), None).unwrap();
    assert_eq!(signed.expires_in, 900);
    let claims = claims_of(&signed.token);
    for name in ["iss", "aud", "sub", "exp", "iat", "jti", "sid", "auth_time", "amr"] {
        assert!(claims.get(name).is_some(), "{name} is missing: {claims}");
    }
    assert_eq!(claims["amr"], json!(["otp"]));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 900);
    let identity = tokens.verify(&signed.token).unwrap();
    assert_eq!((identity.user, identity.session), (ada(), Some(session())));
}

#[test]
fn a_token_ends_with_its_session() {
    let tokens = issuer(KEY_A, "us", "shop");
    let end = jsonwebtoken::get_current_timestamp() + 60;
    let signed = tokens.sign(&ada(), &session(), Some(end)).unwrap();
    assert_eq!(tokens.verify(&signed.token).unwrap().expires_at, end);
    assert!((58..=60).contains(&signed.expires_in), "{}", signed.expires_in);
}

#[test]
fn tokens_of_other_keys_issuers_and_audiences_are_refused() {
    let tokens = issuer(KEY_A, "us", "shop");
    for other in [issuer(KEY_B, "us", "shop"), issuer(KEY_A, "them", "shop"), issuer(KEY_A, "us", "bank")] {
        let token = other.sign(&ada(), &session(), None).unwrap().token;
        assert!(tokens.verify(&token).is_err());
    }
    for text in ["", "x", "a.b.c", "ey.ey.ey"] {
        assert!(tokens.verify(text).is_err(), "{text}");
    }
}

/// A token under HS256 whose secret is the public key: the classic confusion of algorithms.
#[test]
fn the_algorithm_is_pinned() {
    let tokens = issuer(KEY_A, "us", "shop");
    let good = tokens.sign(&ada(), &session(), None).unwrap().token;
    let claims = claims_of(&good);
    let kid = tokens.ring().signing().kid().to_owned();
    let public = serde_json::to_value(tokens.ring().signing().public().jwk()).unwrap();
    let public = BASE64_URL_SAFE_NO_PAD.decode(public["x"].as_str().unwrap()).unwrap();
    let header = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::HS256) };
    let forged = encode(&header, &claims, &EncodingKey::from_secret(&public)).unwrap();
    assert!(tokens.verify(&forged).is_err());

    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(&json!({"alg": "none", "kid": kid})), part(&claims));
    assert!(tokens.verify(&unsigned).is_err());
    assert!(tokens.verify(&good).is_ok());
}

#[test]
fn an_access_token_says_its_type_and_other_types_are_refused() {
    let tokens = issuer(KEY_A, "us", "shop");
    let good = tokens.sign(&ada(), &session(), None).unwrap().token;
    assert_eq!(decode_header(&good).unwrap().typ.as_deref(), Some("at+jwt"));
    let with_type = |typ: Option<&str>| {
        let key = tokens.ring().signing();
        let typ = typ.map(str::to_owned);
        let header = Header { kid: Some(key.kid().to_owned()), typ, ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims_of(&good), key.encoding()).unwrap()
    };
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert!(tokens.verify(&with_type(Some(typ))).is_ok(), "{typ}");
    }
    for typ in ["logout+jwt", "id+jwt", "dpop+jwt", ""] {
        assert!(tokens.verify(&with_type(Some(typ))).is_err(), "{typ}");
    }
    // An earlier version wrote JWT. Its last token is signed during the rollout, and lives as long as any.
    let rollout = Duration::from_mins(10);
    let before_last = LIFE + rollout.saturating_sub(Duration::from_secs(1));
    let last = LIFE + rollout;
    for old in [with_type(Some("JWT")), with_type(None)] {
        assert!(tokens.verify_after(before_last, &old).is_ok());
        assert!(tokens.verify_after(last, &old).is_err());
    }
    assert!(tokens.verify_after(last, &good).is_ok());
}

#[test]
fn a_token_is_refused_after_its_end_and_before_its_beginning() {
    let tokens = issuer(KEY_A, "us", "shop");
    let key = tokens.ring().signing();
    let claims = |exp: u64, nbf: u64| json!({"iss": "us", "aud": "shop", "sub": "0a", "exp": exp, "nbf": nbf, "sid": "s", "auth_time": 1, "email": "e", "name": "n"});
    let header = Header { kid: Some(key.kid().to_owned()), ..Header::new(Algorithm::EdDSA) };
    let token = |exp, nbf| encode(&header, &claims(exp, nbf), key.encoding()).unwrap();
    let now = jsonwebtoken::get_current_timestamp();
    assert!(tokens.verify(&token(now - 10, now - 20)).is_err());
    assert!(tokens.verify(&token(now + 60, now + 30)).is_err());
    // Replicas' clocks differ a little.
    assert!(tokens.verify(&token(now + 60, now + 3)).is_ok());
    assert!(tokens.verify(&token(now + 60, now)).is_ok());
}
