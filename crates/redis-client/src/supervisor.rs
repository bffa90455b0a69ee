//! Connects to Redis, probes the connection, and replaces it.
//!
//! redis-rs' `ConnectionManager` never replaces a connection that the network swallowed (measured: 30 of 30 commands
//! timed out over 21 s without a new connection), and waits for a new one inside a command. So a supervisor owns a plain
//! multiplexed connection: it probes it each second, and connects again after a broken connection, after several
//! timeouts in a row, and after `READONLY` (a failover).

use std::{sync::Arc, time::Duration};

use ping_contract::redis_trouble::RedisTrouble;
use redis::{Script, Value};
use service_kit::{
    backoff::{self, Backoff},
    health::HealthCheck,
    shutdown::Shutdown,
};
use tokio::time::Instant;

use crate::{
    connection::{Live, RedisConnection},
    dial::RedisServer,
    error::StoreError,
};

const PROBE_PERIOD: Duration = Duration::from_secs(1);
/// After a connection that lasted this long, the next attempt does not wait.
const GOOD_LIFE: Duration = Duration::from_secs(10);
/// No address of a user: the key of a code would be `otp:` and such an address.
const CHECK_KEY: &str = "otp:check";

/// How a connection is probed, and who hears about it.
pub struct Supervision {
    pub probe: Probe,
    /// Follows whether Redis can be used.
    pub health: HealthCheck,
    /// Called after each new connection.
    pub on_connect: Box<dyn Fn() + Send + Sync>,
}

/// What shows that Redis can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A script that Redis refuses exactly when it would refuse one that writes; at first, one that calls every command of
    /// user-service's scripts.
    Script,
    /// `TIME`, for a user that may not run scripts.
    Time,
}

impl std::fmt::Debug for Supervision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervision").field("probe", &self.probe).finish_non_exhaustive()
    }
}

impl RedisConnection {
    /// Connects in the background and keeps the connection until the soft phase of `shutdown`. Calls that are still in
    /// flight then have the last connection.
    #[must_use]
    pub fn start(client: RedisServer, supervision: Supervision, shutdown: &Shutdown) -> Self {
        let redis = Self::default();
        shutdown.spawn_critical("redis", supervise(redis.clone(), client, supervision, shutdown.clone()));
        redis
    }
}

async fn supervise(
    redis: RedisConnection,
    client: RedisServer,
    supervision: Supervision,
    shutdown: Shutdown,
) {
    let health = &supervision.health;
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        match client.dial().await {
            Ok(connection) => {
                let live = Arc::new(Live::new(connection));
                redis.replace(Some(Arc::clone(&live)));
                (supervision.on_connect)();
                let since = Instant::now();
                let Some(trouble) = watch_over(&live, &supervision, &shutdown).await else { return };
                redis.replace(None);
                report(health, trouble);
                tracing::warn!(reason = trouble.reason(), "replacing the connection to redis");
                if since.elapsed() >= GOOD_LIFE {
                    backoff.reset();
                    continue;
                }
            }
            Err(trouble) => report(health, trouble),
        }
        if backoff.wait(&shutdown).await.is_err() {
            return;
        }
    }
}

fn report(health: &HealthCheck, trouble: RedisTrouble) {
    health.set_unusable(trouble.reason(), trouble.message());
}

/// Probes one connection. `Some` when it must be replaced, `None` at the soft phase.
async fn watch_over(live: &Live, supervision: &Supervision, shutdown: &Shutdown) -> Option<RedisTrouble> {
    let check = Script::new(include_str!("check.lua"));
    let script = Script::new(include_str!("probe.lua"));
    let mut checked = false;
    loop {
        let reply: Result<Value, StoreError> = match supervision.probe {
            Probe::Script if !checked => live.invoke(check.prepare_invoke().key(CHECK_KEY)).await,
            Probe::Script => live.invoke(&script.prepare_invoke()).await,
            Probe::Time => live.query(&redis::cmd("TIME")).await,
        };
        match reply {
            Ok(_) => {
                checked = true;
                supervision.health.set_usable();
            }
            Err(error) => report(&supervision.health, probe_trouble(&error)),
        }
        tokio::select! {
            trouble = live.broken() => return Some(trouble),
            paused = backoff::pause(PROBE_PERIOD, shutdown) => if paused.is_err() { return None },
        }
    }
}

/// What a failed probe says. An error without a word of its own is about the command: unknown, renamed, or a script that
/// this server does not understand.
fn probe_trouble(error: &StoreError) -> RedisTrouble {
    match error {
        StoreError::Refused(code) if code == "ERR" => RedisTrouble::Unsupported,
        other => other.trouble(),
    }
}
