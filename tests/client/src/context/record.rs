//! The figures of a load while it runs.

use tokio::time::Instant;

use crate::ledger::{Answers, Summary};

/// Counted as it happens.
#[derive(Debug)]
pub struct Record {
    /// How requests ended.
    pub answers: Answers,
    /// Sessions that are refreshed throughout.
    pub kept_sessions: u64,
    /// Sessions that were refused.
    pub lost_sessions: u64,
    begun: u64,
    ended: u64,
    confirmed: u64,
    signed_in: u64,
    started: Instant,
    last_confirmed: Option<Instant>,
}

impl Record {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(started: Instant) -> Self {
        Self {
            answers: Answers::default(),
            kept_sessions: 0,
            lost_sessions: 0,
            begun: 0,
            ended: 0,
            confirmed: 0,
            signed_in: 0,
            started,
            last_confirmed: None,
        }
    }

    /// A sign-in has begun.
    pub fn begin(&mut self) {
        self.begun += 1;
    }

    /// A sign-in has ended, with a session or without.
    pub fn end(&mut self) {
        self.ended += 1;
    }

    /// A login was answered 200.
    pub fn confirm(&mut self) {
        let now = Instant::now();
        let gap = now - self.last_confirmed.unwrap_or(self.started);
        self.answers.longest_gap_ms = self.answers.longest_gap_ms.max(millis(gap));
        self.last_confirmed = Some(now);
        self.confirmed += 1;
    }

    /// A code was exchanged for a session.
    pub fn sign_in(&mut self) {
        self.signed_in += 1;
    }

    /// The figures as a case reads them.
    #[must_use]
    pub fn summary(&self, finished: bool) -> Summary {
        Summary {
            begun: self.begun,
            confirmed: self.confirmed,
            signed_in: self.signed_in,
            in_progress: self.begun - self.ended,
            last_confirmed_ms_ago: self.last_confirmed.map(|at| millis(at.elapsed())),
            kept_sessions: self.kept_sessions,
            lost_sessions: self.lost_sessions,
            answers: self.answers.clone(),
            finished,
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_gap_is_between_two_confirmed_logins() {
        let mut record = Record::new(Instant::now());
        for seconds in [1, 7, 2] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            record.confirm();
        }
        let summary = record.summary(false);
        assert_eq!((summary.confirmed, summary.answers.longest_gap_ms), (3, 7000));
        assert_eq!(summary.last_confirmed_ms_ago, Some(0));
    }
}
