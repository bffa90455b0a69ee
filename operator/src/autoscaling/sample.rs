//! The latest sample of each stack's queue, and when it is too old to act on. [`provider`] tells it to the autoscaler, [`metrics`] to
//! Prometheus.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;

pub mod metrics;
pub mod provider;

/// A sample older than this is no answer. The autoscaler asks every 15 s, a broker is asked every 4 or 9 s.
pub const MAX_AGE: Duration = Duration::from_secs(45);

/// Which stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl StackKey {
    /// The stack `name` in `namespace`.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// What a queue held at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Messages that wait or are being sent.
    pub messages: u64,
    /// Subscribed consumers.
    pub consumers: u64,
    /// When the broker was asked, by this machine's clock: what the status and the autoscaler get.
    pub taken_at: Timestamp,
    /// The same moment on the clock that only goes forward: what its age is reckoned by.
    pub asked: Instant,
}

/// Why there is no number. The texts are for users and hold nothing that the broker said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The operator has just started, or the stack is new.
    #[error("the queue has not been read yet: wait a few seconds")]
    NotYet,
    /// The Secret with the broker's users is not there yet.
    #[error("the Secret with the broker's users is missing: the operator makes it")]
    NoCredentials,
    /// Nobody answers, or with an error.
    #[error("the broker's management API cannot be read: {0}")]
    Unreachable(String),
    /// The broker does not know the user, or its password.
    #[error("the broker refuses the monitor user: the operator makes it again within a minute")]
    Refused,
    /// There is no such queue.
    #[error("the broker has no queue for the stack's mail: the operator makes it again within a minute")]
    QueueMissing,
    /// The queue has no leader.
    #[error("the queue is not running: see whether its brokers are up")]
    NotRunning,
    /// The queue cannot agree on anything.
    #[error("only {online} of the queue's {members} members are up: start the other brokers")]
    Minority {
        /// Members that are up.
        online: usize,
        /// All of them.
        members: usize,
    },
    /// The broker leaves numbers out.
    #[error("the broker has not reported the depth of the queue yet: wait a few seconds")]
    Incomplete,
    /// The last good sample is older than [`MAX_AGE`].
    #[error("the last sample is {seconds} s old: see whether the operator gets any processor time")]
    Stale {
        /// Its age.
        seconds: u64,
    },
}

impl Unreadable {
    /// The reason in conditions.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotYet | Self::NoCredentials | Self::Incomplete => "WaitingForSample",
            Self::Unreachable(_) => "BrokerUnreachable",
            Self::Refused => "BrokerRefusesMonitor",
            Self::QueueMissing => "QueueMissing",
            Self::NotRunning | Self::Minority { .. } => "QueueUnavailable",
            Self::Stale { .. } => "SampleStale",
        }
    }
}

/// The outcome of the latest attempt at each stack's queue. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    latest: Arc<RwLock<BTreeMap<StackKey, Result<Sample, Unreadable>>>>,
}

impl Samples {
    /// Puts the outcome of an attempt in the place of the one before.
    pub fn record(&self, key: StackKey, outcome: Result<Sample, Unreadable>) {
        self.latest.write().unwrap_or_else(PoisonError::into_inner).insert(key, outcome);
    }

    /// Forgets the stacks that `keep` does not name.
    pub fn retain(&self, keep: impl Fn(&StackKey) -> bool) {
        self.latest.write().unwrap_or_else(PoisonError::into_inner).retain(|key, _| keep(key));
    }

    /// The latest sample of a stack, if it can be acted on at `now`.
    pub fn at(&self, key: &StackKey, now: Instant) -> Result<Sample, Unreadable> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        fresh(latest.get(key).cloned().unwrap_or(Err(Unreadable::NotYet)), now)
    }

    /// Whether the stack was tried at least once.
    #[must_use]
    pub fn tried(&self, key: &StackKey) -> bool {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// Every known stack, with its sample or why there is none.
    #[must_use]
    pub fn all(&self, now: Instant) -> Vec<(StackKey, Result<Sample, Unreadable>)> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        latest.iter().map(|(key, outcome)| (key.clone(), fresh(outcome.clone(), now))).collect()
    }

    /// All known stacks of a namespace, each with its sample or why there is none.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str, now: Instant) -> Vec<(String, Result<Sample, Unreadable>)> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        let here = latest.iter().filter(|(key, _)| key.namespace == namespace);
        here.map(|(key, outcome)| (key.name.clone(), fresh(outcome.clone(), now))).collect()
    }
}

fn fresh(outcome: Result<Sample, Unreadable>, now: Instant) -> Result<Sample, Unreadable> {
    let sample = outcome?;
    let age = now.saturating_duration_since(sample.asked);
    if age > MAX_AGE { Err(Unreadable::Stale { seconds: age.as_secs() }) } else { Ok(sample) }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use k8s_openapi::jiff::Timestamp;

    use super::{MAX_AGE, Sample, Samples, StackKey, Unreadable};

    #[test]
    fn a_sample_counts_for_45_seconds_and_then_no_more() {
        let samples = Samples::default();
        let key = StackKey::new("shop", "demo");
        let asked = Instant::now();
        assert_eq!(samples.at(&key, asked), Err(Unreadable::NotYet));
        let sample = Sample { messages: 3, consumers: 1, taken_at: Timestamp::UNIX_EPOCH, asked };
        samples.record(key.clone(), Ok(sample));
        assert_eq!(samples.at(&key, asked + MAX_AGE), Ok(sample));
        let late = asked + MAX_AGE + Duration::from_secs(1);
        assert_eq!(samples.at(&key, late), Err(Unreadable::Stale { seconds: 46 }));
        assert_eq!(samples.in_namespace("shop", late), [("demo".to_owned(), samples.at(&key, late))]);
    }

    #[test]
    fn a_failed_attempt_displaces_the_sample_before_it() {
        let samples = Samples::default();
        let key = StackKey::new("shop", "demo");
        let asked = Instant::now();
        samples.record(
            key.clone(),
            Ok(Sample { messages: 3, consumers: 1, taken_at: Timestamp::UNIX_EPOCH, asked }),
        );
        samples.record(key.clone(), Err(Unreadable::NotRunning));
        assert_eq!(samples.at(&key, asked), Err(Unreadable::NotRunning));
    }

    #[test]
    fn stacks_that_are_gone_are_forgotten() {
        let samples = Samples::default();
        let key = StackKey::new("shop", "demo");
        samples.record(key.clone(), Err(Unreadable::NotRunning));
        samples.retain(|key| key.name != "demo");
        assert!(!samples.tried(&key));
    }
}
