//! What Redis knows about a mail: whether it was sent already, and what time it is.
//!
//! One round trip answers both before a mail is sent. The clock is Redis' and not the pod's, since the publisher
//! judged expiry by it too: pods' clocks may be minutes apart.

use std::{future::Future, sync::Arc, time::Duration};

use ping_contract::{event::EventId, keys, redis_trouble::RedisTrouble};
use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection};
use service_kit::{backoff::pause, health::HealthCheck, shutdown::Shutdown};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// No answer within this is no answer: consuming pauses.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// How often Redis is asked for a sign of life, whether or not there are mails.
const PROBE_PERIOD: Duration = Duration::from_secs(2);

/// How much longer than its code the mark lives: a redelivery after that is dropped as expired anyway.
const MARK_MARGIN: Duration = Duration::from_mins(1);

/// What was found out before sending.
#[derive(Debug, Clone, Copy)]
pub struct Glance {
    /// A mail server has accepted this event's mail before.
    pub sent: bool,
    /// Unix milliseconds on Redis' clock, not later than `asked`.
    pub now_ms: i64,
    /// The local moment that `now_ms` stands for.
    pub asked: Instant,
}

impl Glance {
    /// The local moment at which Redis' clock will show `at_ms`; early rather than late, by the call's round trip.
    #[must_use]
    pub fn moment(&self, at_ms: i64) -> Instant {
        self.asked + Duration::from_millis(u64::try_from(at_ms - self.now_ms).unwrap_or(0))
    }
}

/// Redis gave no usable answer in time.
#[derive(Debug, thiserror::Error)]
pub enum SentError {
    /// Nothing within half a second.
    #[error("redis did not answer in time")]
    TimedOut,
    /// An error instead of an answer.
    #[error("redis failed")]
    Failed(#[source] redis::RedisError),
}

impl SentError {
    /// What a status says of it.
    fn trouble(&self) -> RedisTrouble {
        match self {
            Self::TimedOut => RedisTrouble::Unreachable,
            Self::Failed(error) => redis_client::trouble(error),
        }
    }
}

/// Remembers which mails were sent. Redis is the real one; tests have one in memory.
pub trait SentLog: Send + Sync + 'static {
    /// Whether the event was mailed (without an id: not known, so no), and the time.
    fn look(&self, id: Option<&EventId>) -> impl Future<Output = Result<Glance, SentError>> + Send;

    /// Remembers that the event was mailed, for as long as its code lives and a little more.
    fn mark(&self, id: &EventId, left: Duration) -> impl Future<Output = Result<(), SentError>> + Send;
}

/// The log in Redis.
///
/// The connection is thrown away at the first error and dialled anew by the next call: redis-rs' own manager keeps a
/// connection that a network swallowed, for ever (measured). Clones share it.
#[derive(Clone)]
pub struct RedisSentLog {
    client: Client,
    current: Arc<Mutex<Option<(u64, MultiplexedConnection)>>>,
    check: HealthCheck,
}

impl RedisSentLog {
    /// Nothing connects before the first question. `check` follows the answers.
    #[must_use]
    pub fn new(client: Client, check: HealthCheck) -> Self {
        Self { client, current: Arc::default(), check }
    }

    /// Keeps asking, so that the status is right before the first mail and between mails, until the soft phase.
    pub async fn watch(self, shutdown: Shutdown) {
        loop {
            // The answer is in the status.
            let _ = self.look(None).await;
            if pause(PROBE_PERIOD, &shutdown).await.is_err() {
                return;
            }
        }
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), redis::RedisError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = current.as_ref() {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(current.insert((rand::random(), connection)).clone())
    }

    async fn query<T: redis::FromRedisValue>(&self, pipeline: &redis::Pipeline) -> Result<T, SentError> {
        let mut used = None;
        let answer = timeout(ANSWER_WITHIN, async {
            let (number, mut connection) = self.connection().await?;
            used = Some(number);
            pipeline.query_async(&mut connection).await
        });
        let result = match answer.await {
            Ok(result) => result.map_err(SentError::Failed),
            Err(_) => Err(SentError::TimedOut),
        };
        if result.is_err() {
            self.throw_away(used).await;
        }
        result
    }

    async fn throw_away(&self, used: Option<u64>) {
        let mut current = self.current.lock().await;
        if current.as_ref().map(|(number, _)| *number) == used {
            *current = None;
        }
    }

    async fn glance(&self, id: Option<&EventId>) -> Result<Glance, SentError> {
        let asked = Instant::now();
        let mut pipeline = redis::pipe();
        pipeline.cmd("TIME");
        let (sent, (seconds, micros)) = if let Some(id) = id {
            pipeline.exists(keys::mail_sent(id));
            let (time, sent) = self.query::<((i64, i64), bool)>(&pipeline).await?;
            (sent, time)
        } else {
            (false, self.query::<((i64, i64),)>(&pipeline).await?.0)
        };
        Ok(Glance { sent, now_ms: seconds * 1000 + micros / 1000, asked })
    }
}

impl SentLog for RedisSentLog {
    async fn look(&self, id: Option<&EventId>) -> Result<Glance, SentError> {
        let glance = self.glance(id).await;
        match glance.as_ref().map_err(SentError::trouble) {
            Ok(_) => self.check.set_usable(),
            Err(trouble) => self.check.set_unusable(trouble.reason(), trouble.message()),
        }
        glance
    }

    async fn mark(&self, id: &EventId, left: Duration) -> Result<(), SentError> {
        let life = u64::try_from((left + MARK_MARGIN).as_millis()).unwrap_or(u64::MAX);
        let mut pipeline = redis::pipe();
        pipeline.pset_ex(keys::mail_sent(id), 1, life).ignore();
        self.query(&pipeline).await
    }
}
