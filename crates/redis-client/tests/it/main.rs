//! The connection against a real Redis. Run as `dev/with-servers cargo test -p redis-client`.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod tls;
mod unusable;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use redis_client::{Probe, RedisArgs, RedisConnection, StoreError, Supervision};
use service_kit::{health::Health, shutdown::Shutdown};
use test_kit::{
    proxy::{Mode, Proxy},
    servers::RedisServer,
    wait::wait_until,
};

/// Three times what anything here should take.
const PATIENCE: Duration = Duration::from_secs(30);

struct Fixture {
    redis: RedisConnection,
    health: Health,
    connections: Arc<AtomicUsize>,
    shutdown: Shutdown,
}

impl Fixture {
    fn start(url: &str, probe: Probe) -> Self {
        Self::start_with_ca(url, probe, None)
    }

    fn start_with_ca(url: &str, probe: Probe, redis_ca_file: Option<PathBuf>) -> Self {
        let health = Health::new();
        let shutdown = Shutdown::new();
        let connections = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&connections);
        let on_connect = Box::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let supervision = Supervision { probe, health: health.require("redis"), on_connect };
        let client = RedisArgs { redis_url: url.into(), redis_ca_file }.client().unwrap();
        let redis = RedisConnection::start(client, supervision, &shutdown);
        Self { redis, health, connections, shutdown }
    }

    async fn ping(&self) -> Result<String, StoreError> {
        self.redis.query(&redis::cmd("PING")).await
    }

    /// Waits until a command works.
    async fn wait_for_reply(&self) {
        wait_until("a reply of Redis", PATIENCE, || async { self.ping().await.is_ok() }).await;
    }

    async fn wait_for_reason(&self, expected: Option<&str>) {
        let reason = || self.health.report(false).check("redis").and_then(|check| check.reason);
        wait_until("the status of Redis", PATIENCE, || async { reason() == expected }).await;
    }
}

impl Fixture {
    fn trouble(&self) -> Option<(&'static str, String)> {
        let report = self.health.report(false);
        let check = report.check("redis")?;
        Some((check.reason?, check.message.clone().unwrap_or_default()))
    }

    fn message(&self) -> String {
        self.trouble().map(|(_, message)| message).unwrap_or_default()
    }

    /// Waits until a first attempt has failed.
    async fn wait_for_any_reason(&self) -> &'static str {
        let known = || async { self.trouble().is_some_and(|(reason, _)| reason != "Starting") };
        wait_until("the status of Redis", PATIENCE, known).await;
        self.trouble().unwrap().0
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

async fn behind_a_proxy(redis: &RedisServer, probe: Probe) -> (Fixture, Proxy) {
    let proxy = Proxy::start(redis.address()).await;
    let fixture = Fixture::start(&format!("redis://{}/0", proxy.address()), probe);
    fixture.wait_for_reply().await;
    (fixture, proxy)
}

#[tokio::test]
async fn a_connection_that_the_network_swallowed_is_replaced() {
    let redis = RedisServer::start().await;
    for probe in [Probe::Script, Probe::Time] {
        let (fixture, proxy) = behind_a_proxy(&redis, probe).await;
        proxy.set_mode(Mode::BlackHole).await;
        assert_eq!(fixture.ping().await, Err(StoreError::TimedOut));
        fixture.wait_for_reason(Some("RedisUnreachable")).await;
        let replaced = || async { fixture.ping().await == Err(StoreError::NotConnected) };
        wait_until("the connection to be given up", PATIENCE, replaced).await;
        proxy.set_mode(Mode::Forward).await;
        fixture.wait_for_reply().await;
        fixture.wait_for_reason(None).await;
        assert!(fixture.connections.load(Ordering::Relaxed) >= 2, "{probe:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_replaced_and_a_caller_can_wait_for_it() {
    let redis = RedisServer::start().await;
    let (fixture, proxy) = behind_a_proxy(&redis, Probe::Time).await;
    for _ in 0..3 {
        proxy.reset_connections();
        let broken = || async { fixture.ping().await.is_err() };
        wait_until("the connection to break", PATIENCE, broken).await;
        let works = || async {
            fixture.redis.connected().await;
            fixture.ping().await.is_ok()
        };
        wait_until("a connection to wait for", PATIENCE, works).await;
    }
}

#[tokio::test]
async fn without_a_connection_a_command_fails_at_once_and_waiting_for_one_ends() {
    let fixture = Fixture::start("redis://127.0.0.1:1", Probe::Time);
    fixture.wait_for_reason(Some("RedisUnreachable")).await;
    let started = Instant::now();
    assert_eq!(fixture.ping().await, Err(StoreError::NotConnected));
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
    fixture.redis.connected().await;
    assert!(started.elapsed() >= Duration::from_millis(250), "it did not wait");
}

#[tokio::test]
async fn a_read_only_redis_is_seen_by_the_probe_that_stands_for_writes() {
    let redis = RedisServer::start().await;
    let (fixture, _proxy) = behind_a_proxy(&redis, Probe::Script).await;
    fixture.wait_for_reason(None).await;
    assert_eq!(redis.command("REPLICAOF 127.0.0.1 1").await.unwrap(), "OK");
    fixture.wait_for_reason(Some("RedisReadOnly")).await;
    assert_eq!(redis.command("REPLICAOF NO ONE").await.unwrap(), "OK");
    fixture.wait_for_reason(None).await;
}

/// The soft phase ends the supervisor, and calls in flight keep the connection.
#[tokio::test]
async fn the_last_connection_outlives_its_supervisor() {
    let redis = RedisServer::start().await;
    let fixture = Fixture::start(&redis.url(), Probe::Time);
    fixture.wait_for_reply().await;
    fixture.shutdown.trigger();
    let finish = fixture.shutdown.finish(PATIENCE).await;
    assert_eq!(finish, service_kit::shutdown::Finish::Clean);
    assert_eq!(fixture.ping().await.as_deref(), Ok("PONG"));
}
