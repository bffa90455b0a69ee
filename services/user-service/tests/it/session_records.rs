//! What Redis holds of a session: hashes under a key that Redis never sees, bound to whose session it is.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use futures::future::join_all;
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use user_service::peppers::Peppers;

use crate::support::{Answer, SECRET, Service, Setup, key_folder};

const ADA: &str = "ada@example.org";

async fn with_sessions() -> (TempDir, Service) {
    let folder = key_folder();
    let service = Setup::default().unlimited_logins().signing_keys(folder.path()).start().await;
    (folder, service)
}

fn refresh_token(answer: &Answer) -> String {
    answer.json["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh token: {answer:?}")).to_owned()
}

async fn refresh(service: &Service, token: &str) -> Answer {
    service.post("/api/v1/token/refresh", &json!({ "refresh_token": token }), &[]).await
}

fn session_key(answer: &Answer) -> String {
    let claims = answer.json["token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims = serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    format!("session:{}", claims["sid"].as_str().unwrap())
}

/// The plain hashes of an earlier version: of the family, and of the token.
fn plain_hashes(token: &str) -> [String; 2] {
    let octets = BASE64_URL_SAFE_NO_PAD.decode(token).unwrap();
    [&octets[..32], &octets[..]].map(|octets| hex::encode(Sha256::digest(octets)))
}

/// Makes the record of a session what an earlier version wrote.
async fn make_old(service: &Service, key: &str, token: &str) {
    let [family, current] = plain_hashes(token);
    let mut redis = service.redis().await;
    let _: i64 = redis.hdel(key, "kid").await.unwrap();
    let _: i64 = redis.hset(key, "family", family).await.unwrap();
    let _: i64 = redis.hset(key, "current", current).await.unwrap();
}

fn peppers(kids: &[&str]) -> Peppers {
    let entries = kids.iter().map(|kid| format!("{kid}:{}", hex::encode(Sha256::digest(kid))));
    Peppers::parse(&entries.collect::<Vec<_>>().join(",")).unwrap()
}

#[tokio::test]
async fn no_hash_of_a_token_can_be_computed_without_the_pepper() {
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let second = refresh(&service, &refresh_token(&first)).await.expect(200);
    let stored: Vec<String> = service.redis().await.hvals(session_key(&first)).await.unwrap();
    for token in [refresh_token(&first), refresh_token(&second)] {
        for hash in plain_hashes(&token) {
            assert!(!stored.contains(&hash), "{stored:?}");
        }
    }
}

#[tokio::test]
async fn a_record_that_is_rewritten_to_another_user_is_worth_nothing() {
    let (_folder, service) = with_sessions().await;
    let eve = service.sign_in(ADA).await;
    for (field, value) in
        [("user", "00".repeat(12)), ("email", "eve@example.org".to_owned()), ("name", "Eve".to_owned())]
    {
        let signed_in = service.sign_in(ADA).await;
        let key = session_key(&signed_in);
        let _: i64 = service.redis().await.hset(&key, field, value).await.unwrap();
        refresh(&service, &refresh_token(&signed_in)).await.expect(401);
    }
    // Nor does a record that is made of another one.
    let copied: Vec<(String, String)> = service.redis().await.hgetall(session_key(&eve)).await.unwrap();
    let victim = service.sign_in("victim@example.org").await;
    let victim_key = session_key(&victim);
    let _: () = service.redis().await.hset_multiple(&victim_key, &copied).await.unwrap();
    refresh(&service, &refresh_token(&victim)).await.expect(401);
}

/// Pods of that version read it during an upgrade, and after a rollback.
#[tokio::test]
async fn a_session_of_an_earlier_version_goes_on_in_the_form_that_that_version_reads() {
    let (_folder, service) = with_sessions().await;
    let signed_in = service.sign_in(ADA).await;
    let (key, token) = (session_key(&signed_in), refresh_token(&signed_in));
    make_old(&service, &key, &token).await;
    let answers = join_all((0..8).map(|_| refresh(&service, &token))).await;
    let next = answers.into_iter().map(|answer| refresh_token(&answer.expect(200))).collect::<Vec<_>>();
    assert!(next.iter().all(|token| *token == next[0]), "{next:?}");
    let mut redis = service.redis().await;
    let stored: Vec<Option<String>> =
        redis.hmget(&key, &["kid", "family", "current", "previous"]).await.unwrap();
    let [family, current] = plain_hashes(&next[0]).map(Some);
    assert_eq!(stored, [None, family, current, Some(plain_hashes(&token)[1].clone())]);
    let third = refresh(&service, &next[0]).await.expect(200);
    // The first token again: a copy, which ends the session.
    refresh(&service, &token).await.expect(401);
    refresh(&service, &refresh_token(&third)).await.expect(401);
}

#[tokio::test]
async fn a_session_of_an_earlier_version_is_ended_by_its_refresh_token() {
    let (_folder, service) = with_sessions().await;
    let signed_in = service.sign_in(ADA).await;
    let (key, token) = (session_key(&signed_in), refresh_token(&signed_in));
    make_old(&service, &key, &token).await;
    service.post("/api/v1/logout", &json!({ "refresh_token": token }), &[]).await.expect(200);
    assert!(!service.keys().await.contains(&key));
}

#[tokio::test]
async fn sessions_outlive_every_rotation_where_the_secret_of_the_ids_is_set() {
    let folder = key_folder();
    let setup = |kids: &[&str]| {
        let setup = Setup::default().unlimited_logins().signing_keys(folder.path()).user_id_secret(SECRET);
        setup.peppers(&peppers(kids))
    };
    let before = setup(&["a"]).start().await;
    let signed_in = before.sign_in(ADA).await;
    let after = setup(&["b"]).redis_url(before.redis_url()).start().await;
    refresh(&after, &refresh_token(&signed_in)).await.expect(200);
}

#[tokio::test]
async fn without_that_secret_a_session_moves_to_the_new_pepper_while_the_old_one_is_in_use() {
    let folder = key_folder();
    let setup = |kids: &[&str]| {
        Setup::default().unlimited_logins().signing_keys(folder.path()).peppers(&peppers(kids))
    };
    let first = setup(&["a"]).start().await;
    let url = first.redis_url();
    let (moved, left) = (first.sign_in(ADA).await, first.sign_in(ADA).await);
    let both = setup(&["b", "a"]).redis_url(url.clone()).start().await;
    // Whichever of these requests is first puts the record under the new pepper, and all get the same successor.
    let token = refresh_token(&moved);
    let answers = join_all((0..8).map(|_| refresh(&both, &token))).await;
    let mut answers = answers.into_iter().map(|answer| answer.expect(200)).collect::<Vec<_>>();
    assert!(answers.iter().all(|answer| refresh_token(answer) == refresh_token(&answers[0])), "{answers:?}");
    let moved = answers.remove(0);
    let last = setup(&["b"]).redis_url(url).start().await;
    refresh(&last, &refresh_token(&moved)).await.expect(200);
    let ended = refresh(&last, &refresh_token(&left)).await.expect(401);
    assert_eq!(ended.json["code"], "session-ended");
}
