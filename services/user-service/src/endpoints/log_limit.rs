//! Keeps a log line that every failing request would write to one a second: the metric has the exact number.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Lets one line through per period, with the number of those it held back.
#[derive(Debug)]
pub(super) struct LogLimit {
    started: Instant,
    period: Duration,
    next: AtomicU64,
    held_back: AtomicU64,
}

impl LogLimit {
    /// The first line passes.
    #[must_use]
    pub(super) fn new(period: Duration) -> Self {
        Self { started: Instant::now(), period, next: AtomicU64::new(0), held_back: AtomicU64::new(0) }
    }

    /// `Some(held back since the last)` if this line may be written.
    pub(super) fn pass(&self) -> Option<u64> {
        self.pass_at(self.started.elapsed())
    }

    fn pass_at(&self, elapsed: Duration) -> Option<u64> {
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let after = now.saturating_add(u64::try_from(self.period.as_millis()).unwrap_or(u64::MAX));
        let mine = now >= next
            && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if mine {
            return Some(self.held_back.swap(0, Ordering::Relaxed));
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::LogLimit;

    #[test]
    fn one_line_a_period_with_the_number_held_back() {
        let limit = LogLimit::new(Duration::from_secs(1));
        let at = |millis| limit.pass_at(Duration::from_millis(millis));
        assert_eq!((at(0), at(1), at(999)), (Some(0), None, None));
        assert_eq!((at(1000), at(1500)), (Some(2), None));
    }
}
