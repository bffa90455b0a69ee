//! Asks each stack's broker every few seconds. A stack whose broker hangs does not hold up the others.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use k8s_openapi::jiff::Timestamp;
use service_kit::{backoff, health::HealthCheck, shutdown::Shutdown};
use tokio::sync::watch;

use super::sample::{Sample, Samples, StackKey, Unreadable};
use crate::requeue::about;

/// For a queue that consumers follow. The broker renews its own numbers every 5 s, and ends a connection that was idle
/// for as long: asked a little sooner, it needs no new one.
pub const FOLLOWED: Duration = Duration::from_secs(4);

/// For a queue that only people and Prometheus look at: often enough for `status.queue`, see `controller::queue_status`.
pub const WATCHED: Duration = Duration::from_secs(9);

/// For one reading.
const DEADLINE: Duration = Duration::from_secs(4);

/// What a broker says of a stack's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that wait or are being sent.
    pub messages: u64,
    /// Subscribed consumers.
    pub consumers: u64,
}

/// Where a stack's backlog is read.
pub trait BacklogSource: Send + Sync {
    /// Asks the broker once.
    fn read(&self) -> BoxFuture<'_, Result<Backlog, Unreadable>>;

    /// How long to wait between two readings, at most.
    fn interval(&self) -> Duration;
}

/// The stacks to poll; `None` until they are known.
pub type Sources = Option<BTreeMap<StackKey, Arc<dyn BacklogSource>>>;

/// Polls whatever `sources` names until the soft phase. `check` turns ready when every stack known then has been tried
/// once: from then on this replica knows as much as any other.
///
/// Tried and not read: with one broker down for good, no new operator could ever become ready.
pub async fn poll(
    mut sources: watch::Receiver<Sources>,
    samples: Samples,
    check: HealthCheck,
    shutdown: Shutdown,
) {
    let mut polled = BTreeMap::<StackKey, watch::Sender<Arc<dyn BacklogSource>>>::new();
    let (tried, mut any_tried) = watch::channel(());
    check.set_unusable("StacksUnknown", "the list of stacks has not been read yet");
    let mut ready = false;
    loop {
        if let Some(wanted) = sources.borrow_and_update().clone() {
            polled.retain(|key, _| wanted.contains_key(key));
            samples.retain(|key| wanted.contains_key(key));
            for (key, source) in wanted {
                if let Some(known) = polled.get(&key) {
                    known.send_replace(source);
                    continue;
                }
                let (sender, source) = watch::channel(source);
                polled.insert(key.clone(), sender);
                let poll = PollOne { key, source, samples: samples.clone(), tried: tried.clone() };
                shutdown.spawn("poll of a queue", poll.run(shutdown.clone()));
            }
            ready = ready || polled.keys().all(|key| samples.tried(key));
            if ready {
                check.set_usable();
            } else {
                check.set_unusable("QueuesUnread", "not every queue has been read yet");
            }
        }
        tokio::select! {
            changed = sources.changed() => if changed.is_err() { break },
            _ = any_tried.changed(), if !ready => {}
            () = shutdown.soft().cancelled() => break,
        }
    }
}

struct PollOne {
    key: StackKey,
    source: watch::Receiver<Arc<dyn BacklogSource>>,
    samples: Samples,
    tried: watch::Sender<()>,
}

impl PollOne {
    /// Until the stack is gone, which is when the sender is, or the soft phase.
    async fn run(mut self, shutdown: Shutdown) {
        let mut failing = false;
        loop {
            let source = Arc::clone(&self.source.borrow_and_update());
            let asked = Instant::now();
            let taken_at = Timestamp::now();
            let outcome = match tokio::time::timeout(DEADLINE, source.read()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Unreadable::Unreachable("no answer in 4 s".to_owned())),
            };
            if self.source.has_changed().is_err() {
                return;
            }
            self.log(&mut failing, outcome.as_ref().err());
            let sample = |Backlog { messages, consumers }| Sample { messages, consumers, taken_at, asked };
            self.samples.record(self.key.clone(), outcome.map(sample));
            self.tried.send_replace(());
            if !self.wait(source.interval(), &shutdown).await {
                return;
            }
        }
    }

    /// Whether to go on. All polls begin together when the operator starts; they must not go on so, or each round would
    /// need as many connections as there are stacks (two handshakes a second for a hundred stacks, seen).
    async fn wait(&mut self, interval: Duration, shutdown: &Shutdown) -> bool {
        tokio::select! {
            waited = backoff::pause(about(interval), shutdown) => waited.is_ok(),
            changed = self.source.changed() => changed.is_ok(),
        }
    }

    /// Logs changes only: a broker that is away for a night is two lines.
    fn log(&self, failing: &mut bool, error: Option<&Unreadable>) {
        let namespace = &self.key.namespace;
        let stack = &self.key.name;
        match error {
            Some(error) if !*failing => {
                tracing::warn!(%namespace, %stack, %error, "the queue cannot be read");
            }
            None if *failing => tracing::info!(%namespace, %stack, "the queue can be read again"),
            _ => {}
        }
        *failing = error.is_some();
    }
}

#[cfg(test)]
mod tests;
