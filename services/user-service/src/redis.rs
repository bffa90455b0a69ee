//! The one connection to Redis, and who replaces it.
//!
//! redis-rs' `ConnectionManager` never replaces a connection that the network swallowed (measured: 30 of 30 commands
//! timed out over 21 s without a new dial), and waits for a redial inside a command. So a supervisor owns a plain
//! multiplexed connection: it probes it each second and dials anew after a broken connection, after several timeouts
//! in a row, and after `READONLY` (a failover). A command never waits for a dial: without a connection it fails at
//! once.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use ping_contract::redis_trouble::RedisTrouble;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, RedisError, RedisResult, Script,
    ScriptInvocation, ServerErrorKind, aio::MultiplexedConnection,
};
use service_kit::{
    backoff::{self, Backoff},
    health::HealthCheck,
    shutdown::Shutdown,
    telemetry::chain,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

/// No answer within this is a failure.
const COMMAND_DEADLINE: Duration = Duration::from_millis(500);
/// A dial may take this long, name lookup and TLS included.
const DIAL_DEADLINE: Duration = Duration::from_secs(1);
/// So many timeouts in a row, and the connection is replaced.
const TIMEOUTS_IN_A_ROW: u32 = 3;
/// How often the supervisor asks for a sign of life.
const PROBE_PERIOD: Duration = Duration::from_secs(1);
/// A connection that lasted this long was a good one: the next dial does not wait.
const GOOD_LIFE: Duration = Duration::from_secs(10);
/// Commands that may wait to be written; more wait for a place in the pipeline.
const PIPELINE: usize = 1024;

/// Redis gave no usable answer. Never holds Redis' own words, which may quote a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no connection at the moment.
    #[error("not connected to redis")]
    NotConnected,
    /// Nothing within the deadline.
    #[error("redis did not answer within 500 ms")]
    TimedOut,
    /// The connection broke.
    #[error("the connection to redis broke")]
    ConnectionLost,
    /// An error answer, by its code: `OOM`, `LOADING`, `READONLY`, `MISCONF`, `NOPERM`.
    #[error("redis refused with {0}")]
    Refused(String),
    /// An answer of another shape than the script gives.
    #[error("redis answered something that the script does not")]
    Answer,
}

impl StoreError {
    /// What a status says of it.
    fn trouble(&self) -> RedisTrouble {
        match self {
            Self::NotConnected | Self::TimedOut | Self::ConnectionLost => RedisTrouble::Unreachable,
            Self::Refused(code) => RedisTrouble::from_code(code),
            Self::Answer => RedisTrouble::Refused,
        }
    }
}

/// The connection as commands see it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct RedisConnection {
    current: Arc<ArcSwapOption<Live>>,
}

/// What the supervisor reports to.
pub struct Reports {
    /// Follows whether Redis can be used.
    pub health: HealthCheck,
    /// Called after each new connection.
    pub on_connect: Box<dyn Fn() + Send + Sync>,
}

/// One connection and what happened to it.
struct Live {
    connection: MultiplexedConnection,
    timeouts: AtomicU32,
    replace: Notify,
    /// Why it must be replaced: the first reason counts.
    trouble: OnceLock<RedisTrouble>,
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports").field("health", &self.health).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

impl RedisConnection {
    /// Without a connection, until [`supervise`] has made one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a script within the deadline.
    pub(crate) async fn invoke<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let live = self.current.load_full().ok_or(StoreError::NotConnected)?;
        live.invoke(script).await
    }

    /// Runs a command within the deadline.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        let live = self.current.load_full().ok_or(StoreError::NotConnected)?;
        live.query(command).await
    }
}

impl Live {
    fn new(connection: MultiplexedConnection) -> Self {
        Self { connection, timeouts: AtomicU32::new(0), replace: Notify::new(), trouble: OnceLock::new() }
    }

    async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        let answer = timeout(COMMAND_DEADLINE, script.invoke_async(&mut connection)).await;
        self.judge(answer.unwrap_or_else(|_| Err(timed_out())))
    }

    async fn query<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        let answer = timeout(COMMAND_DEADLINE, command.query_async(&mut connection)).await;
        self.judge(answer.unwrap_or_else(|_| Err(timed_out())))
    }

    /// Keeps the count of timeouts and asks for a replacement where one is needed.
    fn judge<T>(&self, answer: RedisResult<T>) -> Result<T, StoreError> {
        let error = match answer {
            Ok(answer) => {
                self.timeouts.store(0, Ordering::Relaxed);
                return Ok(answer);
            }
            Err(error) => classify(&error),
        };
        let replace = match &error {
            StoreError::TimedOut => self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_IN_A_ROW,
            StoreError::ConnectionLost => true,
            StoreError::Refused(code) => {
                self.timeouts.store(0, Ordering::Relaxed);
                code == "READONLY" || code == "NOAUTH"
            }
            StoreError::NotConnected | StoreError::Answer => false,
        };
        if replace {
            let _ = self.trouble.set(error.trouble());
            self.replace.notify_one();
        }
        Err(error)
    }
}

fn timed_out() -> RedisError {
    RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))
}

fn classify(error: &RedisError) -> StoreError {
    match error.kind() {
        ErrorKind::Io if error.is_timeout() => StoreError::TimedOut,
        ErrorKind::Server(ServerErrorKind::ReadOnly) => StoreError::Refused("READONLY".to_owned()),
        ErrorKind::Server(_) | ErrorKind::Extension => {
            let word = |b: u8| b.is_ascii_uppercase() || b == b'_';
            let code = error.code().filter(|code| code.bytes().all(word));
            StoreError::Refused(code.unwrap_or("ERR").to_owned())
        }
        ErrorKind::UnexpectedReturnType => StoreError::Answer,
        // The rest is about the connection: broken, not parseable, not authenticated.
        _ => StoreError::ConnectionLost,
    }
}

/// Dials, watches, and dials again, until the soft phase; the last connection stays for requests in flight.
pub async fn supervise(redis: RedisConnection, client: Client, reports: Reports, shutdown: Shutdown) {
    let Reports { health, on_connect } = reports;
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        match dial(&client).await {
            Ok(connection) => {
                let live = Arc::new(Live::new(connection));
                redis.current.store(Some(Arc::clone(&live)));
                on_connect();
                let since = Instant::now();
                let Some(trouble) = watch_over(&live, &health, &shutdown).await else { return };
                redis.current.store(None);
                report(&health, trouble);
                tracing::warn!(reason = trouble.reason(), "replacing the connection to redis");
                if since.elapsed() >= GOOD_LIFE {
                    backoff.reset();
                    continue;
                }
            }
            Err(trouble) => report(&health, trouble),
        }
        if backoff.wait(&shutdown).await.is_err() {
            return;
        }
    }
}

fn report(health: &HealthCheck, trouble: RedisTrouble) {
    health.set_unusable(trouble.reason(), trouble.message());
}

async fn dial(client: &Client) -> Result<MultiplexedConnection, RedisTrouble> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(DIAL_DEADLINE))
        .set_response_timeout(None) // ours covers the whole call, the loading of a script included
        .set_pipeline_buffer_size(PIPELINE);
    let dialled = client.get_multiplexed_async_connection_with_config(&config);
    match timeout(DIAL_DEADLINE, dialled).await {
        Ok(connection) => connection.map_err(|error| dial_trouble(&error)),
        Err(_) => Err(RedisTrouble::Unreachable),
    }
}

fn dial_trouble(error: &RedisError) -> RedisTrouble {
    tracing::debug!(error = chain(error), "cannot connect to redis");
    redis_client::trouble(error)
}

/// Watches one connection. `Some` when it must be replaced, `None` at the soft phase.
async fn watch_over(live: &Live, health: &HealthCheck, shutdown: &Shutdown) -> Option<RedisTrouble> {
    let probe = Script::new(include_str!("redis/probe.lua"));
    loop {
        match live.invoke::<()>(&probe.prepare_invoke()).await {
            Ok(()) => health.set_usable(),
            Err(error) => report(health, error.trouble()),
        }
        tokio::select! {
            () = live.replace.notified() => {
                return Some(live.trouble.get().copied().unwrap_or(RedisTrouble::Unreachable));
            }
            paused = backoff::pause(PROBE_PERIOD, shutdown) => if paused.is_err() { return None },
        }
    }
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, RedisError};

    use super::{StoreError, classify, timed_out};

    #[test]
    fn errors_keep_the_code_and_never_the_words() {
        assert_eq!(classify(&timed_out()), StoreError::TimedOut);
        let broken = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(classify(&broken), StoreError::ConnectionLost);
        let oom =
            redis::make_extension_error("OOM".to_owned(), Some("command not allowed: otp:ada@x.org".into()));
        assert_eq!(classify(&oom), StoreError::Refused("OOM".to_owned()));
        let odd = redis::make_extension_error("ada@example.org".to_owned(), None);
        assert_eq!(classify(&odd), StoreError::Refused("ERR".to_owned()));
        let shape = RedisError::from((ErrorKind::UnexpectedReturnType, "otp:ada@example.org"));
        assert!(!classify(&shape).to_string().contains("ada"));
    }
}
