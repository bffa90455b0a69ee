//! What a connection waits for, and until when. Pure: the caller passes the time.

use tokio::time::Instant;

use super::ServeOptions;

/// A connection between its requests and in them.
#[derive(Debug)]
pub(super) struct Activity {
    state: State,
    /// Since when it is in this state.
    since: Instant,
    in_flight: usize,
    /// HTTP/2: octets between requests are no beginning of one, pings for example.
    multiplexed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is new, or the first octets of another request came.
    Head,
    /// No request is in flight.
    Idle,
    /// Requests are in flight.
    Busy,
}

/// How well a connection can be done without; the least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waiting {
    /// For a complete request head, since then.
    ForHead(Instant),
    /// For another request, since then.
    Idle(Instant),
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self { state: State::Head, since: now, in_flight: 0, multiplexed: false }
    }

    pub(super) fn octets_came(&mut self, now: Instant) {
        if self.state == State::Idle && !self.multiplexed {
            self.enter(State::Head, now);
        }
    }

    /// The head of a request is complete.
    pub(super) fn request_began(&mut self, multiplexed: bool, now: Instant) {
        self.multiplexed = multiplexed;
        self.in_flight += 1;
        self.enter(State::Busy, now);
    }

    /// Its response is complete, or it was given up.
    pub(super) fn request_ended(&mut self, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.in_flight == 0 {
            self.enter(State::Idle, now);
        }
    }

    /// When the connection must be closed if nothing changes.
    pub(super) fn deadline(&self, options: &ServeOptions) -> Option<Instant> {
        match self.state {
            State::Head => Some(self.since + options.header_read_timeout),
            State::Idle => Some(self.since + options.idle_timeout),
            State::Busy => None,
        }
    }

    /// What it waits for; `None` while a request is in flight.
    pub(super) const fn waiting(&self) -> Option<Waiting> {
        match self.state {
            State::Head => Some(Waiting::ForHead(self.since)),
            State::Idle => Some(Waiting::Idle(self.since)),
            State::Busy => None,
        }
    }

    fn enter(&mut self, state: State, now: Instant) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{super::ServeOptions, Activity, Waiting};

    const OPTIONS: ServeOptions = ServeOptions {
        header_read_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(75),
        max_connections: 1,
    };

    /// Seconds after the connect.
    #[derive(Clone, Copy)]
    struct Clock(Instant);

    impl Clock {
        fn at(self, seconds: u64) -> Instant {
            self.0 + Duration::from_secs(seconds)
        }

        fn deadline(self, activity: &Activity) -> Option<u64> {
            activity.deadline(&OPTIONS).map(|deadline| (deadline - self.0).as_secs())
        }
    }

    fn connected() -> (Clock, Activity) {
        let clock = Clock(Instant::now());
        (clock, Activity::new(clock.at(0)))
    }

    #[test]
    fn a_new_connection_has_ten_seconds_for_a_whole_head_however_many_octets_come() {
        let (clock, mut activity) = connected();
        assert_eq!(clock.deadline(&activity), Some(10));
        activity.octets_came(clock.at(9));
        assert_eq!(clock.deadline(&activity), Some(10));
    }

    #[test]
    fn a_request_in_flight_has_no_deadline_here() {
        let (clock, mut activity) = connected();
        activity.request_began(false, clock.at(1));
        assert_eq!((clock.deadline(&activity), activity.waiting()), (None, None));
    }

    #[test]
    fn between_requests_a_connection_may_idle_until_the_next_one_begins() {
        let (clock, mut activity) = connected();
        activity.request_began(false, clock.at(1));
        activity.request_ended(clock.at(2));
        assert_eq!(clock.deadline(&activity), Some(77));
        activity.octets_came(clock.at(60));
        assert_eq!(clock.deadline(&activity), Some(70), "half a head");
        assert_eq!(activity.waiting(), Some(Waiting::ForHead(clock.at(60))));
    }

    #[test]
    fn pings_of_http_2_neither_extend_nor_shorten_the_time_between_requests() {
        let (clock, mut activity) = connected();
        activity.request_began(true, clock.at(1));
        activity.request_began(true, clock.at(1));
        activity.request_ended(clock.at(2));
        assert_eq!(clock.deadline(&activity), None, "one is in flight");
        activity.request_ended(clock.at(3));
        activity.octets_came(clock.at(30));
        assert_eq!(clock.deadline(&activity), Some(78));
    }

    #[test]
    fn who_has_no_complete_head_can_be_done_without_before_who_is_idle() {
        let (clock, _) = connected();
        let idle = Waiting::Idle(clock.at(0));
        assert!(Waiting::ForHead(clock.at(9)) < idle);
        assert!(Waiting::ForHead(clock.at(1)) < Waiting::ForHead(clock.at(2)));
        assert!(idle < Waiting::Idle(clock.at(1)));
    }
}
