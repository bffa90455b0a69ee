//! A Redis that is there and cannot be used, with the reason.

use std::time::Duration;

use redis_client::Probe;
use test_kit::{
    proxy::{Mode, Proxy},
    servers::RedisServer,
};

use crate::Fixture;

async fn reason_of(url: &str, probe: Probe) -> (Fixture, &'static str) {
    let fixture = Fixture::start(url, probe);
    let reason = fixture.wait_for_any_reason().await;
    (fixture, reason)
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_one_are_refused_access_whatever_the_database() {
    let redis = RedisServer::start_with(&["--requirepass", "right"], None).await;
    let at = redis.address();
    for url in [
        format!("redis://{at}/0"),
        format!("redis://{at}/3"),
        format!("redis://:wrong@{at}/0"),
        format!("redis://:wrong@{at}/3"),
        format!("redis://nobody:right@{at}/0"),
    ] {
        for probe in [Probe::Script, Probe::Time] {
            assert_eq!(reason_of(&url, probe).await.1, "RedisAccessDenied", "{url}");
        }
    }
    let open = RedisServer::start().await;
    let url = format!("redis://:not-wanted@{}/0", open.address());
    assert_eq!(reason_of(&url, Probe::Script).await.1, "RedisAccessDenied");
    Fixture::start(&format!("redis://:right@{at}/3"), Probe::Script).wait_for_reason(None).await;
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_told() {
    let redis = RedisServer::start_with(&["--databases", "4"], None).await;
    let (fixture, reason) = reason_of(&format!("redis://{}/4", redis.address()), Probe::Script).await;
    assert_eq!(reason, "RedisWrongDatabase");
    assert!(fixture.message().contains("REDIS_URL"), "{}", fixture.message());
    Fixture::start(&format!("redis://{}/3", redis.address()), Probe::Script).wait_for_reason(None).await;
}

/// Readiness runs what a login runs: PING alone would find none of these.
#[tokio::test]
async fn a_redis_that_lacks_a_command_or_cannot_run_scripts_is_not_ready() {
    for command in ["PEXPIRETIME", "HINCRBY", "ZPOPMIN", "EVALSHA", "SCRIPT"] {
        let redis = RedisServer::start_with(&["--rename-command", command, ""], None).await;
        let (fixture, reason) = reason_of(&redis.url(), Probe::Script).await;
        assert_eq!(reason, "RedisUnsupported", "{command}");
        assert!(!fixture.health.not_ready().is_empty(), "{command}");
    }
}

#[tokio::test]
async fn the_check_leaves_nothing_behind() {
    let redis = RedisServer::start().await;
    Fixture::start(&redis.url(), Probe::Script).wait_for_reason(None).await;
    assert_eq!(redis.command("DBSIZE").await.unwrap(), "0");
}

/// The first script of a connection takes three turns: EVALSHA, SCRIPT LOAD, EVALSHA.
#[tokio::test]
async fn a_redis_that_is_40_ms_away_in_each_direction_is_usable_and_stays_so() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.address()).await;
    proxy.set_mode(Mode::Late(Duration::from_millis(40))).await;
    for probe in [Probe::Script, Probe::Time] {
        let fixture = Fixture::start(&format!("redis://{}/3", proxy.address()), probe);
        fixture.wait_for_reason(None).await;
        let mut look = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..30 {
            look.tick().await;
            assert_eq!(fixture.trouble(), None, "{probe:?}");
        }
    }
}

/// Redis answers "ERR ACL failure in script", which is no missing command.
#[tokio::test]
async fn a_user_that_may_not_call_a_command_of_codes_is_told_and_one_without_those_of_sessions_is_enough() {
    const OF_CODES: &str =
        "+set +get +incr +decr +del +pttl +pexpire +pexpiretime +hget +hgetall +hset +hdel +time";
    let redis = RedisServer::start().await;
    let rule = format!("on >password ~otp:* -@all +evalsha +script|load +ping {OF_CODES}");
    for (user, more, expected) in [("less", "", Some("RedisAccessDenied")), ("enough", "+hincrby", None)] {
        assert_eq!(redis.command(&format!("ACL SETUSER {user} {rule} {more}")).await.unwrap(), "OK");
        let url = format!("redis://{user}:password@{}/0", redis.address());
        Fixture::start(&url, Probe::Script).wait_for_reason(expected).await;
    }
}
