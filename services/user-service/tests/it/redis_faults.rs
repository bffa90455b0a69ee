//! Redis slow, full, swallowed, gone or demoted: never "allow", always an answer, and recovery without help.

use std::time::{Duration, Instant};

use redis::AsyncCommands as _;
use serde_json::json;
use test_kit::{
    proxy::{Mode, Proxy},
    servers::RedisServer,
    wait::wait_until,
};

use crate::support::{DEADLINE, Service, Setup};

const ADA: &str = "ada@example.org";
const EVE: &str = "eve@example.org";

async fn behind_a_proxy(redis: &RedisServer) -> (Service, Proxy) {
    let proxy = Proxy::start(redis.address()).await;
    let url = format!("redis://{}/0", proxy.address());
    (Setup::default().unlimited_logins().redis_url(url).start().await, proxy)
}

/// A login now works; answers how many were tried.
async fn wait_for_login(service: &Service, email: &str) {
    wait_until("a login to work again", DEADLINE, || async { service.login(email).await.status == 200 })
        .await;
}

async fn assert_fails_closed(service: &Service) {
    let started = Instant::now();
    for answer in [service.login(EVE).await, service.verify(EVE, "123456").await] {
        let answer = answer.expect(503);
        assert_eq!(answer.header("retry-after"), "2");
        assert_eq!(answer.json["code"], "unavailable");
    }
    assert!(started.elapsed() < Duration::from_secs(3), "two commands took {:?}", started.elapsed());
}

#[tokio::test]
async fn trap_7_a_black_holed_connection_fails_fast_and_is_replaced() {
    let redis = RedisServer::start().await;
    let (service, proxy) = behind_a_proxy(&redis).await;
    let (code, _) = service.code_for(ADA).await;
    proxy.set_mode(Mode::BlackHole).await;
    for _ in 0..2 {
        assert_fails_closed(&service).await;
    }
    service.wait_for_trouble("redis", Some("RedisUnreachable")).await;
    assert!(service.health.not_ready().is_empty(), "the process is no longer ready");
    proxy.set_mode(Mode::Forward).await;
    wait_for_login(&service, EVE).await;
    service.verify(ADA, &code).await.expect(200);
    let metrics = service.metrics.encode();
    assert!(!metrics.contains("ping_redis_connections_total 1\n"), "never replaced: {metrics}");
}

#[tokio::test]
async fn a_cut_connection_is_replaced_at_once() {
    let redis = RedisServer::start().await;
    let (service, proxy) = behind_a_proxy(&redis).await;
    for _ in 0..3 {
        proxy.reset_connections();
        wait_for_login(&service, ADA).await;
    }
}

#[tokio::test]
async fn without_redis_everything_is_a_503_and_comes_back_by_itself() {
    let mut redis = RedisServer::start().await;
    let service = Setup::default().unlimited_logins().redis_url(redis.url()).start().await;
    let (code, _) = service.code_for(ADA).await;
    wait_until("the append-only file to be written", DEADLINE, || async {
        redis.command("WAITAOF 1 0 1000").await.is_ok()
    })
    .await;
    redis.kill9().await;
    assert_fails_closed(&service).await;
    service.wait_for_trouble("redis", Some("RedisUnreachable")).await;
    assert!(service.health.not_ready().is_empty(), "the process is no longer ready");
    redis.restart().await;
    wait_for_login(&service, EVE).await;
    service.verify(ADA, &code).await.expect(200);
    service.wait_for_trouble("redis", None).await;
    assert!(service.health.not_ready().is_empty());
}

#[tokio::test]
async fn a_frozen_redis_is_a_503_within_the_deadline() {
    let redis = RedisServer::start().await;
    let service = Setup::default().limit("--login-per-address", 0).redis_url(redis.url()).start().await;
    service.login(ADA).await.expect(200); // so that Redis knows the script
    redis.process.pause();
    let frozen = || async { tokio::time::timeout(DEADLINE / 100, redis.command("PING")).await.is_err() };
    wait_until("Redis to be frozen", DEADLINE, frozen).await;
    assert_fails_closed(&service).await;
    redis.process.resume();
    // The login that was answered 503 runs now, unseen; it is taken back, and so refuses nobody for a minute.
    wait_for_login(&service, EVE).await;
}

#[tokio::test]
async fn a_full_redis_leaves_nothing_half_written() {
    let redis = RedisServer::start().await;
    let service = Setup::default().unlimited_logins().redis_url(redis.url()).start().await;
    let (code, _) = service.code_for(ADA).await;
    // A key in the way makes a deletion the script's first write, which Redis lets through.
    let _: () = service.redis().await.set(format!("otp:codes:{EVE}"), "in the way").await.unwrap();
    let before = service.keys().await;
    assert_eq!(redis.command("CONFIG SET maxmemory 1").await.unwrap(), "OK");
    for _ in 0..5 {
        service.login(ADA).await.expect(503);
        service.login(EVE).await.expect(503);
        service.verify(ADA, "000000").await.expect(503);
        service.verify(ADA, &code).await.expect(503);
    }
    assert_eq!(service.outbox.count(), 1);
    service.wait_for_trouble("redis", Some("RedisFull")).await;
    assert_eq!(redis.command("CONFIG SET maxmemory 0").await.unwrap(), "OK");
    service.wait_for_trouble("redis", None).await;
    assert_eq!(service.keys().await, before);
    let in_the_way: String = service.redis().await.get(format!("otp:codes:{EVE}")).await.unwrap();
    assert_eq!(in_the_way, "in the way");
    let tries: u32 = service.redis().await.hget(format!("otp:codes:{ADA}"), "1:tries").await.unwrap();
    assert_eq!(tries, 0);
    service.verify(ADA, &code).await.expect(200);
}

/// What the shebang is for: the same script without it writes past `maxmemory`, and then fails half way.
#[tokio::test]
async fn every_script_is_refused_as_a_whole_by_a_full_redis() {
    let redis = RedisServer::start().await;
    let mut connection =
        redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let _: () = connection.set("otp:x", 1).await.unwrap();
    assert_eq!(redis.command("CONFIG SET maxmemory 1").await.unwrap(), "OK");
    let evaluating = connection.clone();
    let run = async |script: &str| {
        let mut connection = evaluating.clone();
        redis::cmd("EVAL").arg(script).arg(0).query_async::<i64>(&mut connection).await
    };
    let body = "redis.call('DEL', 'otp:x') redis.call('SET', 'otp:y', 1) return 1";
    assert!(run(&format!("#!lua\n{body}")).await.unwrap_err().to_string().contains("OOM"));
    let kept: bool = connection.exists("otp:x").await.unwrap();
    assert!(kept, "refused, and yet it deleted");
    assert_eq!(run(body).await.unwrap(), 1, "without the shebang Redis lets it write");
}

#[tokio::test]
async fn a_full_redis_still_takes_back() {
    let redis = RedisServer::start().await;
    let service = Setup::default().redis_url(redis.url()).start().await;
    service.outbox.answer(crate::support::Answering::Never);
    {
        let slow = service.login(ADA);
        tokio::pin!(slow);
        let handed_over = wait_until("the hand-over", DEADLINE, || async { service.outbox.count() == 1 });
        tokio::select! { _ = &mut slow => unreachable!("it is never answered"), () = handed_over => {} }
        assert_eq!(redis.command("CONFIG SET maxmemory 1").await.unwrap(), "OK");
    }
    let taken_back = || async { !service.keys().await.contains(&format!("otp:ratelimit:{ADA}")) };
    wait_until("the limit to be dropped", DEADLINE, taken_back).await;
}

#[tokio::test]
async fn script_flush_is_invisible() {
    let redis = RedisServer::start().await;
    let service = Setup::default().unlimited_logins().redis_url(redis.url()).start().await;
    for _ in 0..3 {
        assert_eq!(redis.command("SCRIPT FLUSH").await.unwrap(), "OK");
        let (code, _) = service.code_for(ADA).await;
        assert_eq!(redis.command("SCRIPT FLUSH").await.unwrap(), "OK");
        service.verify(ADA, &code).await.expect(200);
    }
}

#[tokio::test]
async fn a_demoted_redis_is_a_503_until_the_new_one_is_found() {
    let redis = RedisServer::start().await;
    let (service, proxy) = behind_a_proxy(&redis).await;
    service.login(ADA).await.expect(200);
    assert_eq!(redis.command("REPLICAOF 127.0.0.1 1").await.unwrap(), "OK");
    service.login(EVE).await.expect(503);
    let replaced = || async { !service.metrics.encode().contains("ping_redis_connections_total 1\n") };
    wait_until("the connection to be replaced after READONLY", DEADLINE, replaced).await;
    service.wait_for_trouble("redis", Some("RedisReadOnly")).await;
    assert_eq!(redis.command("REPLICAOF NO ONE").await.unwrap(), "OK");
    wait_for_login(&service, EVE).await;
    service.wait_for_trouble("redis", None).await;
    assert!(proxy.connections() >= 1);
}

#[tokio::test]
async fn the_key_prefixes_and_commands_of_the_acl_rule_are_enough() {
    let redis = RedisServer::start().await;
    let patterns = ping_contract::keys::PREFIXES.map(|prefix| format!("~{prefix}*")).join(" ");
    let commands = "+evalsha +script|load +ping +client|setinfo +set +get +incr +decr +del +pttl +pexpire \
                    +pexpiretime +hget +hgetall +hset +hdel +hincrby +time";
    let rule = format!("ACL SETUSER ping on >password {patterns} -@all {commands}");
    assert_eq!(redis.command(&rule).await.unwrap(), "OK");
    let url = format!("redis://ping:password@{}/0", redis.address());
    let service = Setup::default().redis_url(url).start().await;
    let key = ("idempotency-key", "0123456789abcdef");
    let answer =
        service.post("/api/v1/login", &json!({ "email": "ada+x@example.org" }), &[key]).await.expect(200);
    let challenge = answer.json["challenge"].as_str().unwrap();
    service.verify_with(challenge, "ada+x@example.org", "000000").await.expect(400);
    service
        .verify_with(challenge, "ada+x@example.org", &service.outbox.last_code("ada+x@example.org"))
        .await
        .expect(200);
    service.outbox.answer(crate::support::Answering::Refused);
    service.login(EVE).await.expect(503);
}
