//! How many mail consumers the operator sets where it scales them itself: what Kubernetes' autoscaler would do by the manifest
//! of [`super::hpa`]. Pure.

use pingstack_crd::services::Autoscaling;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::hpa::{DOWN_PERIOD, DOWN_PODS};

/// A backlog within a tenth of what the pods are for changes nothing, as in Kubernetes' autoscaler by default.
const TOLERANCE_PERCENT: i64 = 10;

/// What was decided about a stack lately.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// How many pods the backlog justified, and when.
    justified: VecDeque<(Instant, i32)>,
    /// How many pods were taken away, and when.
    removed: VecDeque<(Instant, i32)>,
}

impl History {
    /// How many pods there are to be, where `current` are there and the queue holds `messages`.
    pub fn next(&mut self, current: i32, messages: u64, spec: &Autoscaling, now: Instant) -> i32 {
        let wanted = justified(current, messages, spec).clamp(spec.min_replicas, spec.max_replicas);
        if self.justified.is_empty() {
            // What an operator before this one knew is lost: the number that it left counts for a whole window.
            self.justified.push_back((now, current));
        }
        self.justified.push_back((now, wanted));
        let seconds = u64::try_from(spec.scale_down_stabilization_seconds).unwrap_or_default();
        forget(&mut self.justified, now, Duration::from_secs(seconds));
        forget(&mut self.removed, now, DOWN_PERIOD);
        let next = if current > spec.max_replicas {
            spec.max_replicas
        } else if wanted >= current {
            wanted
        } else {
            let most = self.justified.iter().map(|(_, count)| *count).max().unwrap_or(wanted);
            let removed: i32 = self.removed.iter().map(|(_, count)| *count).sum();
            let fewest = current - (DOWN_PODS - removed).max(0);
            most.min(current).max(fewest)
        };
        if next < current {
            self.removed.push_back((now, current - next));
        }
        next
    }
}

/// How many pods the backlog justifies.
fn justified(current: i32, messages: u64, spec: &Autoscaling) -> i32 {
    let per_pod = i64::from(spec.messages_per_replica.max(1));
    let messages = i64::try_from(messages).unwrap_or(i64::MAX);
    let capacity = i64::from(current) * per_pod;
    let is_close = capacity > 0
        && messages.saturating_sub(capacity).saturating_abs().saturating_mul(100)
            <= capacity * TOLERANCE_PERCENT;
    if is_close {
        return current;
    }
    let pods = messages / per_pod + i64::from(messages % per_pod != 0);
    i32::try_from(pods).unwrap_or(i32::MAX)
}

fn forget(entries: &mut VecDeque<(Instant, i32)>, now: Instant, age: Duration) {
    entries.retain(|(at, _)| now.saturating_duration_since(*at) < age || *at == now);
}

#[cfg(test)]
mod tests {
    use pingstack_crd::services::Autoscaling;
    use std::time::{Duration, Instant};

    use super::History;

    /// One pod for 50 mails, 2 to 10 pods, two minutes until they go.
    fn spec() -> Autoscaling {
        Autoscaling { min_replicas: 2, ..Autoscaling::default() }
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn pods_are_added_at_once_and_all_the_way_within_the_bounds() {
        let start = Instant::now();
        for (current, messages, next) in [
            (2, 0, 2),
            (2, 101, 2),
            (2, 111, 3),
            (2, 400, 8),
            (2, 401, 9),
            (2, 100_000, 10),
            (2, u64::MAX, 10),
        ] {
            let next_count = History::default().next(current, messages, &spec(), start);
            assert_eq!(next_count, next, "{current} pods, {messages} mails");
        }
    }

    #[test]
    fn a_number_outside_the_bounds_is_brought_back_at_once() {
        let start = Instant::now();
        assert_eq!(History::default().next(30, 0, &spec(), start), 10);
        assert_eq!(History::default().next(1, 0, &spec(), start), 2);
        assert_eq!(History::default().next(0, 0, &spec(), start), 2);
    }

    #[test]
    fn a_backlog_within_a_tenth_of_what_the_pods_are_for_changes_nothing() {
        let start = Instant::now();
        for messages in [180, 200, 220] {
            let mut history = History::default();
            history.next(4, 200, &spec(), start);
            assert_eq!(history.next(4, messages, &spec(), after(start, 200)), 4, "{messages} mails");
        }
    }

    #[test]
    fn pods_are_taken_away_two_in_thirty_seconds_after_the_queue_was_short_for_the_window() {
        let start = Instant::now();
        let mut history = History::default();
        assert_eq!(history.next(2, 400, &spec(), start), 8);
        let mut current = 8;
        let mut seen = Vec::new();
        for seconds in (15..=240).step_by(15) {
            current = history.next(current, 0, &spec(), after(start, seconds));
            seen.push((seconds, current));
        }
        let changes: Vec<_> = seen
            .iter()
            .scan(8, |before, &(seconds, count)| {
                let changed = *before != count;
                *before = count;
                Some(changed.then_some((seconds, count)))
            })
            .flatten()
            .collect();
        assert_eq!(changes, [(120, 6), (150, 4), (180, 2)]);
    }

    #[test]
    fn a_peak_within_the_window_keeps_the_pods() {
        let start = Instant::now();
        let mut history = History::default();
        history.next(8, 400, &spec(), start);
        assert_eq!(history.next(8, 300, &spec(), after(start, 60)), 8);
        assert_eq!(history.next(8, 0, &spec(), after(start, 125)), 6, "the peak of 300 is for 6 pods");
        assert_eq!(
            history.next(6, 0, &spec(), after(start, 160)),
            6,
            "and counts until it is two minutes old"
        );
        assert_eq!(history.next(6, 0, &spec(), after(start, 190)), 4);
    }

    #[test]
    fn a_new_leader_waits_for_a_whole_window() {
        let start = Instant::now();
        let mut history = History::default();
        assert_eq!(history.next(8, 0, &spec(), start), 8);
        assert_eq!(history.next(8, 0, &spec(), after(start, 119)), 8);
        assert_eq!(history.next(8, 0, &spec(), after(start, 120)), 6);
    }

    #[test]
    fn without_a_window_pods_go_at_once() {
        let spec = Autoscaling { scale_down_stabilization_seconds: 0, ..spec() };
        let start = Instant::now();
        let mut history = History::default();
        history.next(8, 400, &spec, start);
        assert_eq!(history.next(8, 0, &spec, after(start, 15)), 6);
        assert_eq!(history.next(6, 0, &spec, after(start, 30)), 6);
        assert_eq!(history.next(6, 0, &spec, after(start, 45)), 4);
    }
}
