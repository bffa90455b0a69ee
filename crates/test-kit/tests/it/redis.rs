use test_kit::servers::{RedisServer, SmallDisk, fresh_database};
use test_kit::wait::wait_until;
use tokio::time::timeout;

use crate::{LONG, SHORT};

#[tokio::test]
async fn a_killed_redis_comes_back_with_its_data() {
    let mut redis = RedisServer::start().await;
    assert_eq!(redis.command("SET key kept").await.unwrap(), "OK");
    // The append-only file is flushed to the kernel at each command, and a kill leaves the kernel alone.
    redis.kill9().await;
    assert!(redis.command("PING").await.is_err(), "a killed server answered");
    redis.restart().await;
    assert_eq!(redis.command("STRLEN key").await.unwrap(), "4");
}

#[tokio::test]
async fn a_paused_redis_says_nothing_until_it_is_resumed() {
    let redis = RedisServer::start().await;
    redis.process.pause();
    wait_until("the pause", LONG, || async { timeout(SHORT, redis.command("PING")).await.is_err() }).await;
    redis.process.resume();
    assert_eq!(timeout(LONG, redis.command("PING")).await.unwrap().unwrap(), "PONG");
}

#[tokio::test]
async fn a_redis_stops_in_order() {
    let mut redis = RedisServer::start_with(&["--maxmemory", "20mb"], None).await;
    redis.process.stop().await;
    let log = redis.process.log();
    assert!(log.contains("Redis is now ready to exit"), "{log}");
}

#[tokio::test]
async fn a_redis_on_a_full_disk_refuses_writes_until_there_is_space() {
    let redis = RedisServer::start_with(&[], Some(SmallDisk::mount(1024 * 1024))).await;
    let disk = redis.process.disk().unwrap();
    disk.fill();
    // It notices at the first flush that fails.
    wait_until("Redis to refuse writes", LONG, || async {
        redis.command("SET key 1").await.is_ok_and(|answer| answer.starts_with("MISCONF"))
    })
    .await;
    disk.free();
    wait_until("Redis to take writes", LONG, || async {
        redis.command("SET key 1").await.is_ok_and(|answer| answer == "OK")
    })
    .await;
}

#[tokio::test]
async fn no_two_tests_get_the_same_database() {
    let first = fresh_database().await;
    let second = fresh_database().await;
    assert_ne!(first, second);
}
