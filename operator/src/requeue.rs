//! When to look at a stack again: soon and then less and less often after failures, else once in a while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use service_kit::backoff::Backoff;

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// After many.
const MAX: Duration = Duration::from_mins(1);

/// Delays per stack, by uid. kube has none of its own: its error policy is one delay for all.
#[derive(Debug, Default)]
pub struct Requeue(Mutex<HashMap<String, Failing>>);

#[derive(Debug)]
struct Failing {
    backoff: Backoff,
    failures: u32,
}

impl Requeue {
    /// The delay after one more failure.
    #[must_use]
    pub fn after_failure(&self, uid: &str) -> Duration {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Failing { backoff: Backoff::new(FIRST, MAX), failures: 0 };
        let failing = stacks.entry(uid.to_owned()).or_insert_with(new);
        failing.failures = failing.failures.saturating_add(1);
        failing.backoff.next_delay()
    }

    /// How often it has failed since it last worked.
    #[must_use]
    pub fn failures(&self, uid: &str) -> u32 {
        let stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.get(uid).map_or(0, |failing| failing.failures)
    }

    /// It worked, or the stack is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// A delay between 80 % and all of `period`, so that stacks made together do not stay together.
#[must_use]
pub fn about(period: Duration) -> Duration {
    period.mul_f64(rand::RngExt::random_range(&mut rand::rng(), 0.8..=1.0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAX, Requeue, about};

    #[test]
    fn each_stack_has_its_own_growing_delay() {
        let requeue = Requeue::default();
        for _ in 0..20 {
            let _ = requeue.after_failure("a");
        }
        assert!(requeue.after_failure("a") >= MAX / 2);
        assert_eq!((requeue.failures("a"), requeue.failures("b")), (21, 0));
        assert!(requeue.after_failure("b") <= Duration::from_secs(1));
        requeue.forget("a");
        assert!(requeue.after_failure("a") <= Duration::from_secs(1));
    }

    #[test]
    fn a_period_is_never_exceeded() {
        let period = Duration::from_secs(50);
        assert!((0..100).all(|_| (period * 8 / 10..=period).contains(&about(period))));
    }
}
