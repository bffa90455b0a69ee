//! The one connection to Redis, as commands use it. A command never waits for a connection attempt: without a
//! connection it fails at once.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use ping_contract::redis_trouble::RedisTrouble;
use redis::{
    Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation, aio::MultiplexedConnection,
};
use tokio::{sync::Notify, time::timeout};

use crate::error::StoreError;

/// A command without a reply after this time has failed.
const COMMAND_DEADLINE: Duration = Duration::from_millis(500);
/// The connection is replaced after this many timeouts in a row.
const TIMEOUTS_IN_A_ROW: u32 = 3;

/// Clones share the connection.
#[derive(Debug, Clone, Default)]
pub struct RedisConnection {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    current: ArcSwapOption<Live>,
    connected: Notify,
}

/// One connection and what happened to it.
pub(crate) struct Live {
    connection: MultiplexedConnection,
    timeouts: AtomicU32,
    replace: Notify,
    /// Why it must be replaced: the first reason counts.
    trouble: OnceLock<RedisTrouble>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

impl RedisConnection {
    /// Runs a script within the deadline.
    pub async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        self.live()?.invoke(script).await
    }

    /// Runs a command within the deadline.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.live()?.query(command).await
    }

    /// Runs a pipeline within the deadline.
    pub async fn query_pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        let live = self.live()?;
        let mut connection = live.connection.clone();
        live.within_deadline(pipeline.query_async(&mut connection)).await
    }

    /// Waits for a connection, but no longer than a command may take: for callers that can do nothing else meanwhile.
    pub async fn connected(&self) {
        // Created before the check, so that a connection in between is not missed.
        let connected = self.shared.connected.notified();
        if self.shared.current.load().is_none() {
            let _ = timeout(COMMAND_DEADLINE, connected).await;
        }
    }

    fn live(&self) -> Result<Arc<Live>, StoreError> {
        self.shared.current.load_full().ok_or(StoreError::NotConnected)
    }

    pub(crate) fn replace(&self, live: Option<Arc<Live>>) {
        self.shared.current.store(live);
        self.shared.connected.notify_waiters();
    }
}

impl Live {
    pub(crate) fn new(connection: MultiplexedConnection) -> Self {
        Self { connection, timeouts: AtomicU32::new(0), replace: Notify::new(), trouble: OnceLock::new() }
    }

    pub(crate) async fn invoke<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        self.within_deadline(script.invoke_async(&mut connection)).await
    }

    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        self.within_deadline(command.query_async(&mut connection)).await
    }

    /// Waits until the connection must be replaced, and returns why.
    pub(crate) async fn broken(&self) -> RedisTrouble {
        self.replace.notified().await;
        self.trouble.get().copied().unwrap_or(RedisTrouble::Unreachable)
    }

    async fn within_deadline<T>(&self, call: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
        let timed_out = |_| Err(RedisError::from(io::Error::from(io::ErrorKind::TimedOut)));
        let reply = timeout(COMMAND_DEADLINE, call).await.unwrap_or_else(timed_out);
        self.judge(reply)
    }

    /// Counts timeouts and asks for a replacement where one is needed.
    fn judge<T>(&self, reply: RedisResult<T>) -> Result<T, StoreError> {
        let error = match reply {
            Ok(reply) => {
                self.timeouts.store(0, Ordering::Relaxed);
                return Ok(reply);
            }
            Err(error) => StoreError::from(&error),
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
