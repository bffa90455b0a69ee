//! Which failures are tried again, when, and when not.
//!
//! | failure | attempt 1 | 2 | 3 and later |
//! |---|---|---|---|
//! | busy, timed out, connection lost, out of step, unknown key, parking refused | 5 s | 15 s | 45 s |
//! | deferred (450, 451, 452: greylisting and full mailboxes take longer) | 15 s | 45 s | 45 s |
//! | sender refused with the message, the first report | 5 s | parked ||
//! | sender refused with the message, the second report in a row | consuming pauses, and this mail is tried until it is taken or its code is dead |||
//! | the sink of synthetic sign-ins failed | 5 s | 15 s | dropped: nobody waits for it |
//! | relay unreachable, login refused, sender refused, Redis silent | consuming pauses, the message goes back to the queue as it is |||
//!
//! A try that would come after the code's expiry is not made. With a life of 300 s that is nine tries at most, or eight
//! when deferred. An event without an id has three retries and no more.

use std::time::Duration;

use ping_contract::topology::RetryTier;

/// How often an event without an id is retried: nothing recognises its doubles.
pub const FOREIGN_RETRIES: u32 = 3;

/// How often a mail is retried that the sink of synthetic sign-ins did not take. Another sign-in follows in minutes.
const SINK_RETRIES: u32 = 2;

/// Why a message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryReason {
    /// 4xx for this mail.
    Deferred,
    /// 421, or no further connection.
    Busy,
    /// No reply in time. The mail may have been accepted: the next try has the same Message-ID.
    TimedOut,
    /// The connection broke. The same.
    ConnectionLost,
    /// A reply that belongs to no step of the dialogue.
    OutOfStep,
    /// A first 5xx about the sender, in answer to a recipient or to the message.
    SenderRefused,
    /// The sink of synthetic sign-ins did not take the mail.
    SinkFailed,
    /// It is sealed with a key that is not here. A rotation brings keys to one pod after the other.
    UnknownKey,
    /// It should be parked and the parking queue did not take it.
    ParkingRefused,
}

/// Why consuming pauses: nothing more is taken from the queue until the trouble is over. It is not the message's fault,
/// and costs it no try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PauseReason {
    /// No session can be opened: name lookup, TCP, TLS, greeting.
    RelayUnreachable,
    /// User or password are refused, or wanted and not configured.
    LoginRefused,
    /// 5xx to MAIL: the relay does not take mail from our sender, whoever it is for.
    SenderRefused,
    /// 5xx about our sender to RCPT or to the message, for the second time in a row. MAIL is taken: only a mail tells
    /// when it is over.
    SenderRefusedLate,
    /// Whether it was sent, and whether it is expired, is not known.
    RedisSilent,
}

impl PauseReason {
    /// Every label's reason, for gauges that say 0.
    pub const ALL: [Self; 4] =
        [Self::RelayUnreachable, Self::LoginRefused, Self::SenderRefused, Self::RedisSilent];

    /// The label of a metric.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::RelayUnreachable => "relay_unreachable",
            Self::LoginRefused => "login_refused",
            Self::SenderRefused | Self::SenderRefusedLate => "sender_refused",
            Self::RedisSilent => "redis_silent",
        }
    }

    /// Whether the mail that met it is the only way to find out when it is over.
    #[must_use]
    pub fn only_a_mail_tells(self) -> bool {
        self == Self::SenderRefusedLate
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::RelayUnreachable => "check SMTP_HOST, SMTP_PORT, SMTP_TLS and the way to the mail server",
            Self::LoginRefused => "check EMAIL_USER and EMAIL_PASSWORD",
            Self::SenderRefused | Self::SenderRefusedLate => {
                "check MAIL_FROM: the mail server does not take mail from it"
            }
            Self::RedisSilent => "check REDIS_URL and Redis itself",
        }
    }
}

impl RetryReason {
    /// The label of a metric and of a parked note.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Deferred => "deferred",
            Self::Busy => "busy",
            Self::TimedOut => "timed_out",
            Self::ConnectionLost => "connection_lost",
            Self::OutOfStep => "out_of_step",
            Self::SenderRefused => "sender_refused",
            Self::SinkFailed => "sink_failed",
            Self::UnknownKey => "unknown_key",
            Self::ParkingRefused => "parking_refused",
        }
    }
}

/// What becomes of a message that is to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextTry {
    /// It waits in that tier's queue.
    After(RetryTier),
    /// No try would come in time, or it had all it may have.
    GiveUp,
}

/// Decides by reason, by the attempt that just failed (from 1), by the time its code has left, and by whether the
/// event has an id.
#[must_use]
pub fn next_try(reason: RetryReason, attempt: u32, left: Duration, has_id: bool) -> NextTry {
    let tier = tier(reason, attempt);
    let refused_twice = reason == RetryReason::SenderRefused && attempt > 1;
    let sink_failed = reason == RetryReason::SinkFailed && attempt > SINK_RETRIES;
    let spent = refused_twice || sink_failed || (!has_id && attempt > FOREIGN_RETRIES);
    if spent || tier.delay() >= left { NextTry::GiveUp } else { NextTry::After(tier) }
}

fn tier(reason: RetryReason, attempt: u32) -> RetryTier {
    let head_start = u32::from(reason == RetryReason::Deferred);
    match attempt + head_start {
        0 | 1 => RetryTier::Seconds5,
        2 => RetryTier::Seconds15,
        _ => RetryTier::Seconds45,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{NextTry, RetryReason, next_try};

    /// The seconds between the tries of an event that lives `life` seconds.
    fn delays(reason: RetryReason, life: u64, has_id: bool) -> Vec<u64> {
        let mut left = Duration::from_secs(life);
        let mut delays = Vec::new();
        while let NextTry::After(tier) =
            next_try(reason, u32::try_from(delays.len()).unwrap() + 1, left, has_id)
        {
            left -= tier.delay();
            delays.push(tier.delay().as_secs());
        }
        delays
    }

    #[test]
    fn the_delays_are_those_of_the_table() {
        assert_eq!(delays(RetryReason::Busy, 300, true), [5, 15, 45, 45, 45, 45, 45, 45]);
        assert_eq!(delays(RetryReason::Deferred, 300, true), [15, 45, 45, 45, 45, 45, 45]);
    }

    #[test]
    fn a_mail_whose_sender_was_refused_is_tried_once_more() {
        assert_eq!(delays(RetryReason::SenderRefused, 300, true), [5]);
    }

    #[test]
    fn a_mail_that_the_sink_does_not_take_is_given_up_soon() {
        assert_eq!(delays(RetryReason::SinkFailed, 300, true), [5, 15]);
    }

    #[test]
    fn no_try_comes_after_expiry() {
        assert_eq!(delays(RetryReason::ConnectionLost, 20, true), [5]);
        assert_eq!(delays(RetryReason::ConnectionLost, 5, true), [0; 0]);
    }

    #[test]
    fn an_event_without_an_id_has_three_retries() {
        assert_eq!(delays(RetryReason::TimedOut, 300, false), [5, 15, 45]);
    }
}
