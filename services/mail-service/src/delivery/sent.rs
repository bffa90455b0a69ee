//! What Redis knows about a mail: whether it was sent already, and what time it is.
//!
//! One round trip answers both before a mail is sent. The clock is Redis' and not the pod's, since the publisher
//! judged expiry by it too: pods' clocks may be minutes apart.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use ping_contract::{event::EventId, keys};
use redis_client::{RedisConnection, StoreError};
use tokio::time::Instant;

/// How much longer than its code the mark lives: a redelivery after that is dropped as expired anyway.
const MARK_MARGIN: Duration = Duration::from_mins(1);

/// What was found out before sending.
#[derive(Debug, Clone, Copy)]
pub struct SentCheck {
    /// A mail server has accepted this event's mail before.
    pub sent: bool,
    /// Unix milliseconds on Redis' clock, not later than `asked`.
    pub now_ms: i64,
    /// The local moment that `now_ms` stands for.
    pub asked: Instant,
}

impl SentCheck {
    /// The local moment at which Redis' clock will show `at_ms`; early rather than late, by the call's round trip.
    #[must_use]
    pub fn moment(&self, at_ms: i64) -> Instant {
        self.asked + Duration::from_millis(u64::try_from(at_ms - self.now_ms).unwrap_or(0))
    }
}

/// Remembers which mails were sent. Redis is the real one; tests have one in memory.
pub trait SentLog: Send + Sync + 'static {
    /// Whether the event was mailed (without an id: not known, so no), and the time.
    fn look(&self, id: Option<&EventId>) -> impl Future<Output = Result<SentCheck, StoreError>> + Send;

    /// Remembers that the event was mailed, for as long as its code lives and a little more.
    fn mark(&self, id: &EventId, left: Duration) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What a process has: the log in Redis, or where there is no Redis the time alone.
pub enum OptionalSentLog {
    /// With `REDIS_URL`.
    Redis(RedisSentLog),
    /// Nothing is remembered, and the clock of this machine tells the time.
    LocalClock,
}

impl SentLog for OptionalSentLog {
    async fn look(&self, id: Option<&EventId>) -> Result<SentCheck, StoreError> {
        match self {
            Self::Redis(log) => log.look(id).await,
            Self::LocalClock => {
                let asked = Instant::now();
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
                Ok(SentCheck { sent: false, now_ms, asked })
            }
        }
    }

    async fn mark(&self, id: &EventId, left: Duration) -> Result<(), StoreError> {
        match self {
            Self::Redis(log) => log.mark(id, left).await,
            Self::LocalClock => Ok(()),
        }
    }
}

/// The log in Redis. Clones share the connection.
#[derive(Clone)]
pub struct RedisSentLog {
    redis: RedisConnection,
}

impl RedisSentLog {
    #[must_use]
    pub fn new(redis: RedisConnection) -> Self {
        Self { redis }
    }
}

// Both wait for a connection that is being replaced: otherwise one that broke between two mails would pause consuming.
impl SentLog for RedisSentLog {
    async fn look(&self, id: Option<&EventId>) -> Result<SentCheck, StoreError> {
        self.redis.connected().await;
        let asked = Instant::now();
        let mut pipeline = redis::pipe();
        pipeline.cmd("TIME");
        let sent;
        let time: (i64, i64);
        if let Some(id) = id {
            pipeline.exists(keys::mail_sent(id));
            (time, sent) = self.redis.query_pipeline(&pipeline).await?;
        } else {
            (time,) = self.redis.query_pipeline(&pipeline).await?;
            sent = false;
        }
        let (seconds, micros) = time;
        Ok(SentCheck { sent, now_ms: seconds * 1000 + micros / 1000, asked })
    }

    async fn mark(&self, id: &EventId, left: Duration) -> Result<(), StoreError> {
        let life = u64::try_from((left + MARK_MARGIN).as_millis()).unwrap_or(u64::MAX);
        let mut pipeline = redis::pipe();
        pipeline.pset_ex(keys::mail_sent(id), 1, life).ignore();
        self.redis.connected().await;
        self.redis.query_pipeline(&pipeline).await
    }
}
