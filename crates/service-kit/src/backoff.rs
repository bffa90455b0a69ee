//! Waiting between tries: capped exponential with full jitter. The only place that sleeps, and it wakes on shutdown.

use std::time::Duration;

use rand::RngExt as _;

use crate::shutdown::Shutdown;

/// The process is shutting down: give up waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the process is shutting down")]
pub struct ShuttingDown;

/// Delays that double from `first` to `max`, each drawn between half of it and all of it.
///
/// Half of it is kept, unlike full jitter: a delay of nearly nothing would hammer what has just failed.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// Delays from `first`, doubling, up to `max`.
    #[must_use]
    pub fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, next: first.min(max) }
    }

    /// The next delay, with jitter.
    #[must_use = "the delay is what was asked for"]
    pub fn next_delay(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.max);
        full.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Starts again at `first`: something worked.
    pub fn reset(&mut self) {
        self.next = self.first.min(self.max);
    }

    /// Sleeps for the next delay.
    ///
    /// # Errors
    /// [`ShuttingDown`] as soon as the soft phase begins.
    pub async fn wait(&mut self, shutdown: &Shutdown) -> Result<(), ShuttingDown> {
        let delay = self.next_delay();
        pause(delay, shutdown).await
    }
}

/// Sleeps for `delay`.
///
/// # Errors
/// [`ShuttingDown`] as soon as the soft phase begins.
pub async fn pause(delay: Duration, shutdown: &Shutdown) -> Result<(), ShuttingDown> {
    #[expect(clippy::disallowed_methods, reason = "this is the place that sleeps")]
    let sleep = tokio::time::sleep(delay);
    tokio::select! {
        () = sleep => Ok(()),
        () = shutdown.soft().cancelled() => Err(ShuttingDown),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, ShuttingDown, pause};
    use crate::shutdown::Shutdown;

    #[test]
    fn delays_double_up_to_the_cap_and_start_again_after_a_reset() {
        let first = Duration::from_millis(100);
        let max = Duration::from_millis(350);
        let mut backoff = Backoff::new(first, max);
        for full in [100, 200, 350, 350] {
            let low = Duration::from_millis(full / 2);
            let high = Duration::from_millis(full);
            let delay = backoff.next_delay();
            assert!((low..=high).contains(&delay), "{delay:?} is outside {low:?}..={high:?}");
        }
        backoff.reset();
        assert!(backoff.next_delay() <= first);
    }

    #[tokio::test]
    async fn shutdown_ends_a_pause() {
        let shutdown = Shutdown::new();
        shutdown.trigger();
        assert_eq!(pause(Duration::from_hours(1), &shutdown).await, Err(ShuttingDown));
    }
}
