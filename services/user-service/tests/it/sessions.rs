//! Sessions: refresh, its rotation and its theft, sign-out here and everywhere.

use futures::future::join_all;
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_kit::{
    proxy::{Mode, Proxy},
    servers::shared_mongo_uri,
};

use crate::support::{Answer, MongoDatabase, Service, Setup, key_folder};

const ADA: &str = "ada@example.org";

async fn with_sessions() -> (TempDir, Service) {
    let folder = key_folder();
    let service = Setup::default().unlimited_logins().signing_keys(folder.path()).start().await;
    (folder, service)
}

fn text<'a>(answer: &'a Answer, field: &str) -> &'a str {
    answer.json[field].as_str().unwrap_or_else(|| panic!("no {field}: {answer:?}"))
}

async fn refresh(service: &Service, token: &str) -> Answer {
    service.post("/api/v1/token/refresh", &json!({ "refresh_token": token }), &[]).await
}

fn session_of(token: &str) -> String {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["sid"].as_str().unwrap().to_owned()
}

/// Puts the last rotation of a session into the past.
async fn make_rotation_older(service: &Service, session: &str, seconds: i64) {
    let key = format!("session:{session}");
    let _: i64 = service.redis().await.hincr(key, "rotated", -seconds * 1000).await.unwrap();
}

#[tokio::test]
async fn a_refresh_gives_new_tokens_of_the_same_session() {
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let second = refresh(&service, text(&first, "refresh_token")).await.expect(200);
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    assert_eq!(session_of(text(&first, "token")), session_of(text(&second, "token")));
    assert_eq!((&second.json["expires_in"], second.header("cache-control")), (&900.into(), "no-store"));
    service.ask("GET", "/api/v1/users/me", Some(text(&second, "token"))).await.expect(200);
    refresh(&service, text(&second, "refresh_token")).await.expect(200);
}

#[tokio::test]
async fn the_one_before_last_gets_the_same_successor_for_ten_seconds() {
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let answers = join_all((0..5).map(|_| refresh(&service, text(&first, "refresh_token")))).await;
    let next = answers.into_iter().map(|answer| text(&answer.expect(200), "refresh_token").to_owned());
    let next = next.collect::<Vec<_>>();
    assert!(next.iter().all(|token| *token == next[0]), "{next:?}");
    make_rotation_older(&service, &session_of(text(&first, "token")), 9).await;
    assert_eq!(
        text(&refresh(&service, text(&first, "refresh_token")).await.expect(200), "refresh_token"),
        next[0]
    );
    refresh(&service, &next[0]).await.expect(200);
}

#[tokio::test]
async fn after_ten_seconds_reuse_ends_the_session_for_both() {
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let second = refresh(&service, text(&first, "refresh_token")).await.expect(200);
    make_rotation_older(&service, &session_of(text(&first, "token")), 11).await;
    let reused = refresh(&service, text(&first, "refresh_token")).await.expect(401);
    assert_eq!(reused.json["code"], "session-ended");
    refresh(&service, text(&second, "refresh_token")).await.expect(401);
}

#[tokio::test]
async fn an_older_one_ends_the_session_at_once() {
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let second = refresh(&service, text(&first, "refresh_token")).await.expect(200);
    let third = refresh(&service, text(&second, "refresh_token")).await.expect(200);
    refresh(&service, text(&first, "refresh_token")).await.expect(401);
    refresh(&service, text(&third, "refresh_token")).await.expect(401);
}

#[tokio::test]
async fn knowing_a_sessions_id_ends_nothing() {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let mut forged = hex::decode(session_of(text(&first, "token"))).unwrap();
    forged.resize(64, 7);
    let forged = BASE64_URL_SAFE_NO_PAD.encode(forged);
    refresh(&service, &forged).await.expect(401);
    service.post("/api/v1/logout", &json!({ "refresh_token": forged }), &[]).await.expect(200);
    refresh(&service, text(&first, "refresh_token")).await.expect(200);
}

#[tokio::test]
async fn a_session_ends_after_thirty_days_whatever_is_refreshed() {
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let key = format!("session:{}", session_of(text(&first, "token")));
    let mut redis = service.redis().await;
    let before: i64 = redis.pexpire_time(&key).await.unwrap();
    let left: i64 = redis.ttl(&key).await.unwrap();
    assert!((30 * 86_400 - 60..=30 * 86_400).contains(&left), "{left}");
    refresh(&service, text(&first, "refresh_token")).await.expect(200);
    let after: i64 = redis.pexpire_time(&key).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn no_token_lies_in_redis_in_clear() {
    let (_folder, service) = with_sessions().await;
    let first = service.sign_in(ADA).await;
    let second = refresh(&service, text(&first, "refresh_token")).await.expect(200);
    let mut redis = service.redis().await;
    let key = format!("session:{}", session_of(text(&first, "token")));
    let stored: Vec<String> = redis.hgetall(&key).await.unwrap();
    let first = text(&first, "refresh_token");
    let second = text(&second, "refresh_token");
    assert!(stored.iter().all(|value| value != first && value != second), "{stored:?}");
}

#[tokio::test]
async fn a_bad_refresh_token_is_refused_and_a_missing_one_asked_for() {
    let (_folder, service) = with_sessions().await;
    for bad in ["x", &"A".repeat(86), &"A".repeat(15_000)] {
        assert_eq!(refresh(&service, bad).await.expect(401).json["code"], "session-ended");
    }
    let missing = service.post("/api/v1/token/refresh", &json!({}), &[]).await.expect(400);
    assert_eq!(missing.json["errors"][0]["pointer"], "/refresh_token");
}

#[tokio::test]
async fn logout_ends_the_session_of_either_token() {
    let (_folder, service) = with_sessions().await;
    let by_refresh_token = service.sign_in(ADA).await;
    let body = json!({ "refresh_token": text(&by_refresh_token, "refresh_token") });
    let answer = service.post("/api/v1/logout", &body, &[]).await.expect(200);
    assert_eq!(answer.message(), "Logged out successfully");
    refresh(&service, text(&by_refresh_token, "refresh_token")).await.expect(401);

    let by_token = service.sign_in(ADA).await;
    service.ask("POST", "/api/v1/logout", Some(text(&by_token, "token"))).await.expect(200);
    refresh(&service, text(&by_token, "refresh_token")).await.expect(401);
    service.ask("POST", "/api/v1/logout", None).await.expect(401);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_alone() {
    let (_folder, service) = with_sessions().await;
    let phone = service.sign_in(ADA).await;
    let laptop = service.sign_in(ADA).await;
    let eve = service.sign_in("eve@example.org").await;
    let list = service.ask("GET", "/api/v1/sessions", Some(text(&laptop, "token"))).await.expect(200).json;
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let current = sessions.iter().find(|session| session["current"] == true).unwrap();
    assert_eq!(current["id"], session_of(text(&laptop, "token")));
    for field in ["created_at", "last_used_at", "expires_at"] {
        assert!(current[field].as_str().unwrap().ends_with('Z'), "{current}");
    }

    let path = format!("/api/v1/sessions/{}", session_of(text(&phone, "token")));
    service.ask("DELETE", &path, Some(text(&eve, "token"))).await.expect(404);
    service.ask("DELETE", &path, None).await.expect(401);
    service.ask("DELETE", &path, Some(text(&laptop, "token"))).await.expect(200);
    service.ask("DELETE", &path, Some(text(&laptop, "token"))).await.expect(404);
    refresh(&service, text(&phone, "refresh_token")).await.expect(401);
    refresh(&service, text(&laptop, "refresh_token")).await.expect(200);
}

/// `session:of:{user}` is a key of another type.
#[tokio::test]
async fn an_id_in_a_path_that_is_no_sessions_reaches_no_key() {
    let (_folder, service) = with_sessions().await;
    let signed_in = service.sign_in(ADA).await;
    let user = signed_in.json["user"]["_id"].as_str().unwrap();
    let id = session_of(text(&signed_in, "token"));
    for id in [format!("of:{user}"), id.to_uppercase(), format!("{id}0"), "%00".to_owned(), "%ff".to_owned()]
    {
        let path = format!("/api/v1/sessions/{id}");
        let answer = service.ask("DELETE", &path, Some(text(&signed_in, "token"))).await.expect(404);
        assert_eq!(answer.json["code"], "session-not-found", "{path}");
    }
    refresh(&service, text(&signed_in, "refresh_token")).await.expect(200);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_that_person() {
    let (_folder, service) = with_sessions().await;
    let phone = service.sign_in(ADA).await;
    let laptop = service.sign_in(ADA).await;
    let eve = service.sign_in("eve@example.org").await;
    let answer = service.ask("DELETE", "/api/v1/sessions", Some(text(&phone, "token"))).await.expect(200);
    assert_eq!(answer.json["ended"], 2);
    refresh(&service, text(&phone, "refresh_token")).await.expect(401);
    refresh(&service, text(&laptop, "refresh_token")).await.expect(401);
    refresh(&service, text(&eve, "refresh_token")).await.expect(200);
}

#[tokio::test]
async fn the_fifty_first_session_ends_the_oldest() {
    let (_folder, service) = with_sessions().await;
    let oldest = service.sign_in(ADA).await;
    let mut newest = None;
    for _ in 0..50 {
        newest = Some(service.sign_in(ADA).await);
    }
    let newest = newest.unwrap();
    let list = service.ask("GET", "/api/v1/sessions", Some(text(&newest, "token"))).await.expect(200);
    assert_eq!(list.json["sessions"].as_array().unwrap().len(), 50);
    refresh(&service, text(&oldest, "refresh_token")).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_is_down_a_refresh_is_503_and_its_token_stays_good() {
    let folder = key_folder();
    let database = MongoDatabase::create().await;
    let upstream = shared_mongo_uri().trim_start_matches("mongodb://").trim_end_matches('/').parse().unwrap();
    let proxy = Proxy::start(upstream).await;
    let setup = Setup::default().signing_keys(folder.path()).directory(&database.uri_at(proxy.address()));
    let service = setup.start().await;
    let first = service.sign_in(ADA).await;
    proxy.set_mode(Mode::BlackHole).await;
    refresh(&service, text(&first, "refresh_token")).await.expect(503);
    let rotated: bool = service
        .redis()
        .await
        .hexists(format!("session:{}", session_of(text(&first, "token"))), "rotated")
        .await
        .unwrap();
    assert!(!rotated);
    proxy.set_mode(Mode::Forward).await;
    proxy.cut_connections();
    let good = || async { refresh(&service, text(&first, "refresh_token")).await.status == 200 };
    test_kit::wait::wait_until("the token to be good again", crate::support::DEADLINE, good).await;
}

#[tokio::test]
async fn a_refresh_of_a_person_removed_from_the_directory_ends_their_session() {
    let folder = key_folder();
    let database = MongoDatabase::create().await;
    let service = Setup::default().signing_keys(folder.path()).directory(&database.uri()).start().await;
    let first = service.sign_in(ADA).await;
    database.users().delete_many(mongodb::bson::doc! {}).await.unwrap();
    refresh(&service, text(&first, "refresh_token")).await.expect(401);
    assert!(!service.keys().await.iter().any(|key| key.starts_with("session:")));
}

#[tokio::test]
async fn with_a_shared_secret_sessions_are_501_and_logout_is_the_clients_own_affair() {
    let service = Service::start().await;
    let token = service.sign_in(ADA).await.json["token"].as_str().unwrap().to_owned();
    for (method, path) in
        [("GET", "/api/v1/sessions"), ("DELETE", "/api/v1/sessions"), ("DELETE", "/api/v1/sessions/x")]
    {
        let answer = service.ask(method, path, Some(&token)).await.expect(501);
        assert!(answer.message().contains("TOKEN_SIGNING_KEYS_DIR"), "{answer:?}");
    }
    refresh(&service, "x").await.expect(501);
    service.ask("POST", "/api/v1/logout", Some(&token)).await.expect(200);
}
