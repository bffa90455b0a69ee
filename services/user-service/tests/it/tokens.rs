//! `EdDSA` tokens, their keys and the key set.

use serde_json::Value;
use test_kit::wait::wait_until;

use crate::support::{Answer, DEADLINE, SECRET, Service, Setup, TOKEN_LIFE, add_key, client, key_folder};

const ADA: &str = "ada@example.org";

fn kids(answer: &Answer) -> Vec<String> {
    let keys = answer.json["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn published(service: &Service) -> Vec<String> {
    kids(&service.ask("GET", "/.well-known/jwks.json", None).await.expect(200))
}

fn kid_of(answer: &Answer) -> String {
    let token = answer.json["token"].as_str().unwrap();
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_verified_by_a_second_library_from_the_published_key_set_alone() {
    let folder = key_folder();
    let service = Setup::default().signing_keys(folder.path()).start().await;
    let signed_in = service.sign_in(ADA).await;
    assert_eq!(signed_in.json["expires_in"], TOKEN_LIFE.as_secs());
    let url = format!("http://{}/.well-known/jwks.json", service.listen().await);
    let token = signed_in.json["token"].as_str().unwrap();
    let seen = client("verify-key-set.mjs", &[&url, token, "https://id.example.org", "shop"]).await;
    assert_eq!(seen["header"]["alg"], "EdDSA");
    assert_eq!(seen["claims"]["sub"], signed_in.json["user"]["_id"]);
    assert_eq!(seen["claims"]["amr"], serde_json::json!(["otp"]));
    assert!(seen["claims"]["sid"].is_string() && seen["claims"]["auth_time"].is_u64(), "{seen}");
}

#[tokio::test]
async fn the_key_set_is_public_kept_for_five_minutes_and_named_by_thumbprint() {
    let folder = key_folder();
    let service = Setup::default().signing_keys(folder.path()).start().await;
    let answer = service.ask("GET", "/.well-known/jwks.json", None).await.expect(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    let key = &answer.json["keys"][0];
    assert_eq!(key.get("d"), None);
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).unwrap();
    assert_eq!(key["kid"], jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap());
    assert_eq!(kid_of(&service.sign_in(ADA).await), key["kid"].as_str().unwrap());
}

#[tokio::test]
async fn a_key_added_beside_another_is_published_at_once_and_signs_after_ten_minutes() {
    let folder = key_folder();
    let service = Setup::default().unlimited_logins().signing_keys(folder.path()).start().await;
    let old = kid_of(&service.sign_in(ADA).await);
    add_key(folder.path(), "b.pem", 2);
    wait_until("the new key to be published", DEADLINE, || async { published(&service).await.len() == 2 })
        .await;
    let signed_before = service.sign_in(ADA).await;
    assert_eq!(kid_of(&signed_before), old);

    // As if both had been published ten minutes earlier, one a minute before the other.
    let new = published(&service).await.into_iter().find(|kid| *kid != old).unwrap();
    make_older(&service, &old, 11).await;
    make_older(&service, &new, 10).await;
    // Another user's sign-ins: a user has fifty sessions, and the token from before must not lose its own.
    let signs = || async { kid_of(&service.sign_in("eve@example.org").await) == new };
    wait_until("the new key to sign", DEADLINE, signs).await;

    // The old file goes; its tokens are good, and its key is published, as long as they live.
    std::fs::remove_file(folder.path().join("a.pem")).unwrap();
    add_key(folder.path(), "c.pem", 3);
    wait_until("the third key", DEADLINE, || async { published(&service).await.len() == 3 }).await;
    assert!(published(&service).await.contains(&old));
    let token = signed_before.json["token"].as_str();
    service.ask("GET", "/api/v1/users/me", token).await.expect(200);
}

/// Puts the first publication of a key into the past, in minutes.
async fn make_older(service: &Service, kid: &str, minutes: i64) {
    let key = format!("signing-key:{kid}");
    let mut redis = service.redis().await;
    let _: i64 = redis::cmd("DECRBY").arg(key).arg(minutes * 60_000).query_async(&mut redis).await.unwrap();
}

#[tokio::test]
async fn a_restart_remembers_since_when_keys_are_published() {
    let folder = key_folder();
    let first = Setup::default().signing_keys(folder.path()).start().await;
    let old = kid_of(&first.sign_in(ADA).await);
    wait_until("the first key to be noted", DEADLINE, || async { !first.noted_keys().await.is_empty() })
        .await;
    make_older(&first, &old, 11).await;
    // `0.pem` comes before `a.pem`: without the memory of Redis it would sign at once.
    add_key(folder.path(), "0.pem", 2);
    let url = first.redis_url();
    drop(first);
    let second = Setup::default().redis_url(url).unlimited_logins().signing_keys(folder.path()).start().await;
    wait_until("both keys to be noted", DEADLINE, || async { second.noted_keys().await.len() == 2 }).await;
    wait_until("the old key to sign", DEADLINE, || async { kid_of(&second.sign_in(ADA).await) == old }).await;
}

#[tokio::test]
async fn a_broken_file_in_the_folder_leaves_the_keys_as_they_are() {
    let folder = key_folder();
    let service = Setup::default().unlimited_logins().signing_keys(folder.path()).start().await;
    let before = published(&service).await;
    std::fs::write(folder.path().join("b.pem"), "not a key").unwrap();
    add_key(folder.path(), "c.pem", 3);
    service.sign_in(ADA).await;
    assert_eq!(published(&service).await, before);
    std::fs::remove_file(folder.path().join("b.pem")).unwrap();
    wait_until("the good file to be taken", DEADLINE, || async { published(&service).await.len() == 2 })
        .await;
}

#[tokio::test]
async fn a_token_of_the_other_kind_is_refused() {
    let folder = key_folder();
    let with_keys = Setup::default().signing_keys(folder.path()).start().await;
    let with_secret = Service::start().await;
    let public = with_keys.sign_in(ADA).await;
    let shared = with_secret.sign_in(ADA).await;
    let token = |answer: &Answer| answer.json["token"].as_str().unwrap().to_owned();
    with_keys.ask("GET", "/api/v1/users/me", Some(&token(&shared))).await.expect(401);
    with_secret.ask("GET", "/api/v1/users/me", Some(&token(&public))).await.expect(401);
    // Not even one that is signed with the public half as the secret.
    let key = &with_keys.ask("GET", "/.well-known/jwks.json", None).await.json["keys"][0];
    let kid = key["kid"].as_str().unwrap().to_owned();
    let x = key["x"].as_str().unwrap().as_bytes().to_vec();
    let header = jsonwebtoken::Header { kid: Some(kid), ..jsonwebtoken::Header::default() };
    let claims = jsonwebtoken::decode::<Value>(
        token(&shared),
        &jsonwebtoken::DecodingKey::from_secret(SECRET),
        &jsonwebtoken::Validation::default(),
    );
    let forged =
        jsonwebtoken::encode(&header, &claims.unwrap().claims, &jsonwebtoken::EncodingKey::from_secret(&x));
    with_keys.ask("GET", "/api/v1/users/me", Some(&forged.unwrap())).await.expect(401);
}

#[tokio::test]
async fn with_a_shared_secret_there_is_no_key_set_and_the_answer_says_how_to_have_one() {
    let service = Service::start().await;
    let answer = service.ask("GET", "/.well-known/jwks.json", None).await.expect(501);
    assert!(answer.message().contains("TOKEN_SIGNING_KEYS_DIR"), "{answer:?}");
    let signed_in = service.sign_in(ADA).await;
    assert_eq!(
        (&signed_in.json["expires_in"], signed_in.json.get("refresh_token")),
        (&1_296_000.into(), None)
    );
}
