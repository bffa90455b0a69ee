//! The consumer: one connection, one subscription at a time, made again whenever it ends.

use std::sync::Arc;

use service_kit::{health::HealthCheck, shutdown::Shutdown};
use tokio::sync::{mpsc, watch};

use crate::{
    cause::{self, Cause},
    config::BrokerConfig,
};

mod delivery;
mod session;
mod supervisor;

pub use delivery::Delivery;

/// What a consumer needs to know at the start.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// The queue. While it is missing, the consumer waits for it.
    pub queue: String,
    /// How many deliveries may be unsettled: as many as are worked on at once.
    pub prefetch: u16,
}

/// What the consumer does at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerState {
    Consuming,
    /// It was asked to pause; the queue keeps the messages.
    Paused,
    /// It is being connected, or waits for the queue; why the last attempt failed.
    Disconnected(Cause),
}

impl ConsumerState {
    /// Why the broker cannot be used. A pause is the caller's own wish.
    #[must_use]
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::Consuming | Self::Paused => None,
            Self::Disconnected(cause) => Some(cause),
        }
    }
}

/// Receives from one queue. Dropping it ends the subscription; its connection lives on until the last delivery is
/// settled.
#[derive(Debug)]
pub struct Consumer {
    deliveries: mpsc::Receiver<Delivery>,
    control: ConsumerControl,
    shutdown: Shutdown,
}

/// Pauses and resumes a [`Consumer`] from elsewhere.
#[derive(Debug, Clone)]
pub struct ConsumerControl {
    paused: Arc<watch::Sender<Option<String>>>,
    state: watch::Receiver<ConsumerState>,
}

impl Consumer {
    /// Starts connecting and returns at once.
    #[must_use]
    pub fn start(config: BrokerConfig, options: ConsumerOptions, shutdown: &Shutdown) -> Self {
        let (sender, deliveries) = mpsc::channel(usize::from(options.prefetch.max(1)));
        let paused = Arc::new(watch::Sender::new(None));
        let (state_sender, state) = watch::channel(ConsumerState::Disconnected(Cause::Starting));
        let supervisor = supervisor::Supervisor {
            config,
            options,
            shutdown: shutdown.clone(),
            deliveries: sender,
            paused: paused.subscribe(),
            state: state_sender,
        };
        shutdown.spawn("broker consumer", supervisor.run());
        Self { deliveries, control: ConsumerControl { paused, state }, shutdown: shutdown.clone() }
    }

    /// The next delivery; `None` only when the process is shutting down.
    ///
    /// What was received and not handed out before a pause, a reconnect or the shutdown goes back to the queue.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            let delivery = tokio::select! {
                biased;
                () = self.shutdown.soft().cancelled() => return self.hand_back_the_rest(),
                delivery = self.deliveries.recv() => delivery?,
            };
            if self.control.is_paused() {
                delivery.requeue().await;
            } else if delivery.can_be_settled() {
                return Some(delivery);
            }
        }
    }

    /// Stops receiving, and tells why in the log; unsettled deliveries stay the caller's.
    pub fn pause(&self, reason: impl Into<String>) {
        self.control.pause(reason);
    }

    /// Receives again.
    pub fn resume(&self) {
        self.control.resume();
    }

    /// The handle for those who have no [`Consumer`].
    #[must_use]
    pub fn control(&self) -> ConsumerControl {
        self.control.clone()
    }

    /// Follows the state; its first value is the one of this moment.
    #[must_use]
    pub fn subscribe_state(&self) -> watch::Receiver<ConsumerState> {
        self.control.state.clone()
    }

    /// Keeps `check` usable while messages can be received, or are not on the caller's own wish, until the soft phase.
    pub fn report_to(&self, check: HealthCheck, shutdown: &Shutdown) {
        cause::report(self.subscribe_state(), ConsumerState::cause, check, shutdown);
    }

    fn hand_back_the_rest(&mut self) -> Option<Delivery> {
        self.deliveries.close();
        // Dropping a delivery sends it back.
        while self.deliveries.try_recv().is_ok() {}
        None
    }
}

impl ConsumerControl {
    /// See [`Consumer::pause`]. A second pause only changes the reason.
    pub fn pause(&self, reason: impl Into<String>) {
        self.paused.send_replace(Some(reason.into()));
    }

    /// See [`Consumer::resume`].
    pub fn resume(&self) {
        self.paused.send_replace(None);
    }

    /// Whether it was asked to pause.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused.borrow().is_some()
    }
}
