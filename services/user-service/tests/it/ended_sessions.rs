//! No token outlives its session: after a sign-out nothing is signed for it any more, and none of its tokens is accepted.

use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_kit::{
    proxy::{Mode, Proxy},
    servers::RedisServer,
};

use crate::support::{Answer, MongoDatabase, SECRET, Service, Setup, key_folder};

const ADA: &str = "ada@example.org";

/// A service with sessions and a directory, in which a user can be renamed.
struct Running {
    service: Service,
    _folder: TempDir,
}

async fn start(change: impl FnOnce(Setup) -> Setup) -> Running {
    let folder = key_folder();
    let database = MongoDatabase::create().await;
    let setup = Setup::default().unlimited_logins().signing_keys(folder.path()).directory(&database.uri());
    Running { service: change(setup).start().await, _folder: folder }
}

fn text<'a>(answer: &'a Answer, field: &str) -> &'a str {
    answer.json[field].as_str().unwrap_or_else(|| panic!("no {field}: {answer:?}"))
}

fn claims_of(token: &str) -> Value {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

fn session_key(token: &str) -> String {
    format!("session:{}", claims_of(token)["sid"].as_str().unwrap())
}

async fn rename(service: &Service, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    service.put("/api/v1/users/me", &json!({ "name": "Ada L." }), &headers).await
}

/// Everything that a token of an ended session could still be used for.
async fn assert_ended(service: &Service, signed_in: &Answer) {
    let token = text(signed_in, "token");
    let refresh = json!({ "refresh_token": signed_in.json["refresh_token"] });
    let user = format!("/api/v1/users/{}", signed_in.json["user"]["_id"].as_str().unwrap());
    let session = format!("/api/v1/sessions/{}", claims_of(token)["sid"].as_str().unwrap());
    for (what, answer) in [
        ("rename", rename(service, token).await),
        ("refresh", service.post("/api/v1/token/refresh", &refresh, &[]).await),
        ("authz", service.ask("GET", "/authz", Some(token)).await),
        ("me", service.ask("GET", "/api/v1/users/me", Some(token)).await),
        ("list users", service.ask("GET", "/api/v1/users", Some(token)).await),
        ("list sessions", service.ask("GET", "/api/v1/sessions", Some(token)).await),
        ("end a session", service.ask("DELETE", &session, Some(token)).await),
        ("end all sessions", service.ask("DELETE", "/api/v1/sessions", Some(token)).await),
    ] {
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(answer.json.get("token"), None, "{what}");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"", "{what}");
    }
    // This needs no token, and one that has ended shows no more than none.
    let shown = service.ask("GET", &user, Some(token)).await;
    let stranger = service.ask("GET", &user, None).await;
    assert_eq!((shown.status, &shown.json["user"]), (stranger.status, &stranger.json["user"]));
}

#[tokio::test]
async fn after_a_logout_no_token_of_the_session_is_accepted_or_renewed() {
    let running = start(|setup| setup).await;
    let service = &running.service;
    let signed_in = service.sign_in(ADA).await;
    let stolen = rename(service, text(&signed_in, "token")).await.expect(200);
    let refresh = json!({ "refresh_token": signed_in.json["refresh_token"] });
    service.post("/api/v1/logout", &refresh, &[]).await.expect(200);
    assert_ended(service, &signed_in).await;
    rename(service, text(&stolen, "token")).await.expect(401);
}

#[tokio::test]
async fn after_a_sign_out_everywhere_no_token_of_any_session_is_accepted_or_renewed() {
    let running = start(|setup| setup).await;
    let service = &running.service;
    let phone = service.sign_in(ADA).await;
    let laptop = service.sign_in(ADA).await;
    let eve = service.sign_in("eve@example.org").await;
    service.ask("DELETE", "/api/v1/sessions", Some(text(&phone, "token"))).await.expect(200);
    assert_ended(service, &phone).await;
    assert_ended(service, &laptop).await;
    rename(service, text(&eve, "token")).await.expect(200);
    // The next sign-in is not touched by what was ended before.
    let again = service.sign_in(ADA).await;
    rename(service, text(&again, "token")).await.expect(200);
}

#[tokio::test]
async fn after_the_end_of_a_session_no_token_of_it_is_accepted_or_renewed() {
    let running = start(|setup| setup).await;
    let signed_in = running.service.sign_in(ADA).await;
    let key = session_key(text(&signed_in, "token"));
    let _: bool = running.service.redis().await.pexpire(&key, 1).await.unwrap();
    let gone = || async { !running.service.keys().await.contains(&key) };
    test_kit::wait::wait_until("the session to end", crate::support::DEADLINE, gone).await;
    assert_ended(&running.service, &signed_in).await;
}

/// The last token of a session ends with it, for services that check tokens without asking.
#[tokio::test]
async fn no_token_expires_after_the_thirty_days_of_its_session() {
    let running = start(|setup| setup).await;
    let service = &running.service;
    let signed_in = service.sign_in(ADA).await;
    let key = session_key(text(&signed_in, "token"));
    // 60 s before the end.
    let signed_in_at = claims_of(text(&signed_in, "token"))["auth_time"].as_u64().unwrap();
    let long_ago = signed_in_at - 30 * 86_400 + 60;
    let _: i64 = service.redis().await.hset(&key, "created", long_ago * 1000).await.unwrap();
    let refresh = json!({ "refresh_token": signed_in.json["refresh_token"] });
    let refreshed = service.post("/api/v1/token/refresh", &refresh, &[]).await.expect(200);
    for answer in [&refreshed, &rename(service, text(&refreshed, "token")).await.expect(200)] {
        let claims = claims_of(text(answer, "token"));
        assert_eq!(claims["exp"].as_u64().unwrap(), signed_in_at + 60);
        assert!(answer.json["expires_in"].as_u64().unwrap() <= 60, "{answer:?}");
    }
}

#[tokio::test]
async fn a_session_that_belongs_to_another_user_is_none() {
    let running = start(|setup| setup).await;
    let service = &running.service;
    let signed_in = service.sign_in(ADA).await;
    let key = session_key(text(&signed_in, "token"));
    let _: i64 = service.redis().await.hset(&key, "user", "00".repeat(12)).await.unwrap();
    rename(service, text(&signed_in, "token")).await.expect(401);
    service.ask("GET", "/authz", Some(text(&signed_in, "token"))).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_in_a_race_with_a_sign_out_end_with_it() {
    let running = start(|setup| setup).await;
    let service = &running.service;
    for round in 0..10 {
        let signed_in = service.sign_in(ADA).await;
        let token = text(&signed_in, "token");
        let renew = async |delay: u64| {
            service_kit::backoff::pause(
                Duration::from_millis(delay),
                &service_kit::shutdown::Shutdown::new(),
            )
            .await
            .unwrap();
            rename(service, token).await
        };
        let sign_out = async {
            if round % 2 == 0 {
                service.ask("POST", "/api/v1/logout", Some(token)).await.expect(200)
            } else {
                service.ask("DELETE", "/api/v1/sessions", Some(token)).await.expect(200)
            }
        };
        // Each refresh token leads to the next one until the session has ended.
        let refresh = async {
            let mut last = signed_in.json["refresh_token"].clone();
            for _ in 0..8 {
                let body = json!({ "refresh_token": last });
                let answer = service.post("/api/v1/token/refresh", &body, &[]).await;
                assert!([200, 401].contains(&answer.status), "{answer:?}");
                if answer.status == 401 {
                    break;
                }
                last = answer.json["refresh_token"].clone();
            }
            last
        };
        let (renewed, last, _) = futures::join!(join_all((0..8).map(renew)), refresh, sign_out);
        service.post("/api/v1/token/refresh", &json!({ "refresh_token": last }), &[]).await.expect(401);
        for answer in renewed {
            assert!([200, 401].contains(&answer.status), "{answer:?}");
            if answer.status == 200 {
                rename(service, text(&answer, "token")).await.expect(401);
                service.ask("GET", "/authz", Some(text(&answer, "token"))).await.expect(401);
            }
        }
    }
}

#[tokio::test]
async fn without_the_check_a_token_is_accepted_until_it_expires_and_still_not_renewed() {
    let running = start(Setup::unchecked_sessions).await;
    let service = &running.service;
    let signed_in = service.sign_in(ADA).await;
    let token = text(&signed_in, "token");
    service.ask("POST", "/api/v1/logout", Some(token)).await.expect(200);
    service.ask("GET", "/authz", Some(token)).await.expect(200);
    service.ask("GET", "/api/v1/users/me", Some(token)).await.expect(200);
    rename(service, token).await.expect(401);
    service.ask("GET", "/api/v1/sessions", Some(token)).await.expect(401);
    service.ask("DELETE", "/api/v1/sessions", Some(token)).await.expect(401);
}

#[tokio::test]
async fn without_redis_a_token_is_neither_accepted_nor_refused_but_503_within_the_deadline() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.address()).await;
    let url = format!("redis://{}/0", proxy.address());
    let (folder, database) = (key_folder(), MongoDatabase::create().await);
    let setup = || {
        let setup = Setup::default().signing_keys(folder.path()).directory(&database.uri());
        setup.redis_url(url.clone())
    };
    let service = setup().start().await;
    let unchecked = setup().unchecked_sessions().start().await;
    let signed_in = service.sign_in(ADA).await;
    let token = text(&signed_in, "token");
    service.ask("GET", "/authz", Some(token)).await.expect(200);
    proxy.set_mode(Mode::BlackHole).await;
    for _ in 0..2 {
        let started = Instant::now();
        for answer in [
            service.ask("GET", "/authz", Some(token)).await,
            service.ask("GET", "/api/v1/users/me", Some(token)).await,
            service.ask("GET", "/api/v1/sessions", Some(token)).await,
            rename(&service, token).await,
        ] {
            let answer = answer.expect(503);
            assert_eq!((answer.header("retry-after"), answer.header("x-ping-user")), ("2", ""));
        }
        assert!(started.elapsed() < Duration::from_secs(4), "four requests took {:?}", started.elapsed());
        // Without the check no Redis is needed.
        for path in ["/authz", "/api/v1/users/me"] {
            unchecked.ask("GET", path, Some(token)).await.expect(200);
        }
        // What is not a token at all needs no Redis to be refused.
        service.ask("GET", "/authz", Some("a.b.c")).await.expect(401);
    }
}

#[tokio::test]
async fn under_a_shared_secret_a_renewed_token_ends_when_the_old_one_would_have() {
    let database = MongoDatabase::create().await;
    let service = Setup::default().directory(&database.uri()).start().await;
    let signed_in = service.sign_in(ADA).await;
    let end = jsonwebtoken::get_current_timestamp() + 120;
    let old = json!({ "user": signed_in.json["user"], "exp": end });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let mut token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &old, &key).unwrap();
    for _ in 0..3 {
        let renewed = rename(&service, &token).await.expect(200);
        assert!((100..=120).contains(&renewed.json["expires_in"].as_u64().unwrap()), "{renewed:?}");
        text(&renewed, "token").clone_into(&mut token);
        assert_eq!(claims_of(&token)["exp"], end);
    }
}
