//! The publisher: one connection, a few long-lived channels, and an answer that says what became of the message.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use service_kit::{health::HealthCheck, shutdown::Shutdown};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    cause::{self, Cause},
    config::BrokerConfig,
    message::Message,
    publisher::session::Session,
};

mod channels;
mod session;
mod supervisor;

/// What a publisher needs to know at the start.
#[derive(Debug, Clone)]
pub struct PublisherOptions {
    /// Exchanges that must exist before the publisher counts as connected.
    pub exchanges: Vec<String>,
    /// Queues that must exist too.
    pub queues: Vec<String>,
    /// Publishes under way at the broker at once: a channel carries one. More than a hundred gain nothing.
    pub channels: usize,
    /// Publishes that may be under way or wait for a channel; one more is refused at once.
    pub max_in_flight: usize,
    /// From call to confirm. Then the outcome is unknown, and the connection is rebuilt. After half of it without a
    /// channel a publish is refused: one that began with little time left would cost everybody the connection.
    pub confirm_timeout: Duration,
    /// How long each message may wait in a queue before the broker drops it; `None` = as long as it takes.
    pub message_life: Option<Duration>,
}

impl PublisherOptions {
    /// 64 channels, 1,024 in flight, confirmed within 3 s.
    #[must_use]
    pub fn new(exchange: &str) -> Self {
        Self {
            exchanges: vec![exchange.to_owned()],
            queues: Vec::new(),
            channels: 64,
            max_in_flight: 1024,
            confirm_timeout: Duration::from_secs(3),
            message_life: None,
        }
    }
}

/// Why a publish is not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Nothing can have been queued: what was done for the message can be taken back.
    #[error("the message was refused: {0}")]
    Refused(PublishRefusal),
    /// It may be queued or not, and if it is, it will be delivered.
    #[error("it is unknown whether the broker has the message: {0}")]
    Unknown(UnknownOutcome),
}

/// Why nothing can have been queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PublishRefusal {
    /// The queue is full, or its leader is away.
    #[error("the queue takes no more")]
    Nacked,
    #[error("no queue is bound for it, run ping-topology")]
    Returned,
    /// The exchange is gone, or the user may not write to it.
    #[error("the broker forbids it, run ping-topology")]
    Forbidden,
    /// A memory or disk alarm.
    #[error("the broker is in alarm")]
    Blocked,
    /// Too many publishes in flight.
    #[error("too many messages in flight")]
    Saturated,
    #[error("there is no connection to the broker")]
    NotConnected,
}

/// Why it is unknown whether the message was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UnknownOutcome {
    #[error("no confirm in time")]
    TimedOut,
    /// The connection broke while the message was under way.
    #[error("the connection was lost")]
    ConnectionLost,
}

/// What the publisher can do at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Publish.
    Connected,
    /// Nothing: the broker is in alarm, and every publish is refused.
    Blocked,
    /// Nothing: it is being connected, and every publish is refused. Why the last attempt failed.
    Disconnected(Cause),
}

impl State {
    /// Why the broker cannot be used.
    #[must_use]
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::Connected => None,
            Self::Blocked => Some(Cause::Alarm),
            Self::Disconnected(cause) => Some(cause),
        }
    }
}

/// Publishes with confirm. Clones share one connection, which is closed after all of them are dropped, or at the hard
/// phase of the shutdown: whoever waits for [`Shutdown::finish`] must hold none.
#[derive(Debug, Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
    _handles: Arc<DropGuard>,
}

/// What publishers and supervisor share.
#[derive(Debug)]
struct Shared {
    session: ArcSwapOption<Session>,
    in_flight: Semaphore,
    confirm_timeout: Duration,
    state: watch::Sender<State>,
}

impl Publisher {
    /// Starts connecting and returns at once; [`Publisher::subscribe_state`] tells when it is connected.
    #[must_use]
    pub fn start(config: BrokerConfig, options: PublisherOptions, shutdown: &Shutdown) -> Self {
        let dropped = CancellationToken::new();
        let shared = Arc::new(Shared {
            session: ArcSwapOption::empty(),
            in_flight: Semaphore::new(options.max_in_flight),
            confirm_timeout: options.confirm_timeout,
            state: watch::Sender::new(State::Disconnected(Cause::Starting)),
        });
        let stop = supervisor::Stop { dropped: dropped.clone(), shutdown: shutdown.clone() };
        let supervisor = supervisor::Supervisor { config, options, shared: Arc::clone(&shared), stop };
        shutdown.spawn("broker publisher", supervisor.run());
        Self { shared, _handles: Arc::new(dropped.drop_guard()) }
    }

    /// Publishes; `Ok` = the broker has it on disk, on a majority of its nodes.
    ///
    /// A caller that stops waiting leaves the outcome unknown, as with [`UnknownOutcome::TimedOut`].
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let Ok(_in_flight) = self.shared.in_flight.try_acquire() else {
            return Err(PublishError::Refused(PublishRefusal::Saturated));
        };
        let Some(session) = self.shared.session.load_full() else {
            return Err(PublishError::Refused(PublishRefusal::NotConnected));
        };
        session.publish(message, self.shared.confirm_timeout).await
    }

    /// Follows the state; its first value is the one of this moment.
    #[must_use]
    pub fn subscribe_state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Keeps `check` usable while publishes can be confirmed, until the soft phase.
    pub fn report_to(&self, check: HealthCheck, shutdown: &Shutdown) {
        cause::report(self.subscribe_state(), State::cause, check, shutdown);
    }
}
