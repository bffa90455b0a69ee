//! What became of one message, as a type: the handler says it, the consumer acts on it.

use ping_contract::event::EventError;

use crate::{
    message::Unwritable,
    retry::RetryReason,
    smtp::{Failure, Reply, phase::Phase},
};

/// The handler's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A mail server has taken responsibility, now or on an earlier delivery.
    Delivered,
    /// Try again, by the table of [`crate::retry`].
    Retry(RetryReason),
    /// No try will help: park it.
    Reject(RejectReason),
    /// Its code is dead: drop it.
    Expired,
}

/// Why no try will help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// It came back again and again: whatever handles it dies of it. Looked at before anything else of it.
    DeliveredTooOften,
    /// Not a mail event.
    Unreadable(EventError),
    /// The recipient does not fit into an SMTP command.
    Unwritable,
    /// 5xx for this mail.
    Refused(Reply),
    /// Tried until its time or its tries were up; the last reason.
    GaveUp(RetryReason),
}

impl RejectReason {
    /// Every label, for counters that begin at 0.
    pub const LABELS: [&'static str; 9] = [
        "delivered_too_often",
        "too_large",
        "unknown_version",
        "bad_id",
        "bad_recipient",
        "malformed",
        "unwritable",
        "refused",
        "gave_up",
    ];

    /// The label of a metric and of a parked note.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::DeliveredTooOften => "delivered_too_often",
            Self::Unreadable(EventError::TooLarge) => "too_large",
            Self::Unreadable(EventError::Version) => "unknown_version",
            Self::Unreadable(EventError::Id) => "bad_id",
            Self::Unreadable(EventError::Recipient) => "bad_recipient",
            Self::Unreadable(EventError::Malformed) => "malformed",
            Self::Unwritable => "unwritable",
            Self::Refused(_) => "refused",
            Self::GaveUp(_) => "gave_up",
        }
    }
}

impl From<EventError> for Outcome {
    fn from(error: EventError) -> Self {
        Self::Reject(RejectReason::Unreadable(error))
    }
}

impl From<Unwritable> for Outcome {
    fn from(_: Unwritable) -> Self {
        Self::Reject(RejectReason::Unwritable)
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused { phase, reply } => refused(phase, reply),
            Failure::Late => Self::Expired,
            Failure::Crowded => Self::Retry(RetryReason::Busy),
            Failure::Unsupported { phase: Phase::Login } => Self::Retry(RetryReason::LoginRefused),
            Failure::Unsupported { .. } => Self::Retry(RetryReason::RelayUnreachable),
            Failure::TimedOut { phase } | Failure::Broken { phase } | Failure::OutOfStep { phase, .. }
                if phase.is_opening() =>
            {
                Self::Retry(RetryReason::RelayUnreachable)
            }
            Failure::TimedOut { .. } => Self::Retry(RetryReason::TimedOut),
            Failure::Broken { .. } => Self::Retry(RetryReason::ConnectionLost),
            Failure::OutOfStep { .. } => Self::Retry(RetryReason::OutOfStep),
        }
    }
}

fn refused(phase: Phase, reply: Reply) -> Outcome {
    match (phase, reply.code) {
        // 530, 534, 535, 538: the relay wants a login, or another one (RFC 4954).
        (_, 530 | 534 | 535 | 538) | (Phase::Login, 500..) => Outcome::Retry(RetryReason::LoginRefused),
        (phase, _) if phase.is_opening() => Outcome::Retry(RetryReason::RelayUnreachable),
        (_, 421) => Outcome::Retry(RetryReason::Busy),
        (_, ..500) => Outcome::Retry(RetryReason::Deferred),
        // The dialogue is broken, not the mail: command unknown, not implemented, out of sequence.
        (_, 500 | 502 | 503) => Outcome::Retry(RetryReason::OutOfStep),
        (Phase::Mail, _) => Outcome::Retry(RetryReason::SenderRefused),
        (_, _) => Outcome::Reject(RejectReason::Refused(reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::{EventError, Outcome, RejectReason, RetryReason};
    use crate::smtp::{Failure, Reply, phase::Phase};

    fn refused(phase: Phase, code: u16) -> Outcome {
        Failure::Refused { phase, reply: Reply::new(code) }.into()
    }

    #[test]
    fn only_a_permanent_refusal_of_this_mail_is_rejected() {
        for (phase, code) in
            [(Phase::Rcpt, 550), (Phase::Rcpt, 553), (Phase::Data, 554), (Phase::Accept, 552)]
        {
            assert_eq!(refused(phase, code), Outcome::Reject(RejectReason::Refused(Reply::new(code))));
        }
    }

    #[test]
    fn every_reason_has_a_label_whose_counter_begins_at_0() {
        let errors = [
            EventError::TooLarge,
            EventError::Version,
            EventError::Id,
            EventError::Recipient,
            EventError::Malformed,
        ];
        let others = [
            RejectReason::DeliveredTooOften,
            RejectReason::Unwritable,
            RejectReason::Refused(Reply::new(550)),
            RejectReason::GaveUp(RetryReason::Busy),
        ];
        let reasons = errors.into_iter().map(RejectReason::Unreadable).chain(others);
        let mut labels = reasons.map(RejectReason::label).collect::<Vec<_>>();
        let mut known = RejectReason::LABELS.to_vec();
        labels.sort_unstable();
        known.sort_unstable();
        assert_eq!(labels, known);
    }

    #[test]
    fn a_temporary_refusal_is_tried_again() {
        assert_eq!(refused(Phase::Rcpt, 451), Outcome::Retry(RetryReason::Deferred));
        assert_eq!(refused(Phase::Accept, 452), Outcome::Retry(RetryReason::Deferred));
        assert_eq!(refused(Phase::Mail, 421), Outcome::Retry(RetryReason::Busy));
        assert_eq!(refused(Phase::Data, 503), Outcome::Retry(RetryReason::OutOfStep));
    }

    #[test]
    fn what_is_not_the_messages_fault_pauses() {
        for (phase, code, reason) in [
            (Phase::Login, 535, RetryReason::LoginRefused),
            (Phase::Mail, 530, RetryReason::LoginRefused),
            (Phase::Login, 454, RetryReason::RelayUnreachable),
            (Phase::Greeting, 554, RetryReason::RelayUnreachable),
            (Phase::Mail, 550, RetryReason::SenderRefused),
        ] {
            assert_eq!(refused(phase, code), Outcome::Retry(reason));
            assert!(reason.pause().is_some());
        }
        assert_eq!(
            Outcome::from(Failure::Broken { phase: Phase::Connect }),
            Outcome::Retry(RetryReason::RelayUnreachable)
        );
        assert_eq!(
            Outcome::from(Failure::Unsupported { phase: Phase::Tls }),
            Outcome::Retry(RetryReason::RelayUnreachable)
        );
    }

    #[test]
    fn a_silent_server_after_the_final_dot_is_no_success() {
        let outcome = Outcome::from(Failure::TimedOut { phase: Phase::Accept });
        assert_eq!(outcome, Outcome::Retry(RetryReason::TimedOut));
    }
}
