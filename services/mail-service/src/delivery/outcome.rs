//! What became of one message, as a type: the handler says it, the consumer acts on it.

use ping_contract::event::EventError;
use sealed_mail::OpenError;

use super::retry::{PauseReason, RetryReason};
use crate::{
    event::ReadError,
    message::Unwritable,
    smtp::{Failure, Fault, Part, Reply, Severity},
};

/// The handler's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A mail server has taken responsibility, now or on an earlier delivery.
    Delivered,
    /// Try again, by the table of [`super::retry`].
    Retry(RetryReason),
    /// Not the message's fault: consuming pauses, and the message goes back to the queue as it is.
    Pause(PauseReason),
    /// No try will help: park it.
    Reject(RejectReason),
    /// Its code is dead: drop it.
    Expired,
}

impl Outcome {
    /// Its kind, for traces.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry(_) => "retry",
            Self::Pause(_) => "pause",
            Self::Reject(_) => "reject",
            Self::Expired => "expired",
        }
    }

    /// The label of its reason, where it has one.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Retry(reason) => Some(reason.label()),
            Self::Pause(reason) => Some(reason.label()),
            Self::Reject(reason) => Some(reason.label()),
            Self::Delivered | Self::Expired => None,
        }
    }
}

/// Why no try will help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// It came back again and again: whatever handles it dies of it. Looked at before anything else of it.
    DeliveredTooOften,
    /// Not a mail event.
    Unreadable(EventError),
    /// A sealed event that was changed, or moved from another one.
    Tampered,
    /// The recipient does not fit into an SMTP command.
    Unwritable,
    /// 5xx for this mail.
    Refused(Reply),
    /// Tried until its time or its tries were up; the last reason.
    GaveUp(RetryReason),
}

impl RejectReason {
    /// Every label, for counters that begin at 0.
    pub const LABELS: [&'static str; 10] = [
        "delivered_too_often",
        "too_large",
        "unknown_version",
        "bad_id",
        "bad_recipient",
        "malformed",
        "tampered",
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
            Self::Tampered => "tampered",
            Self::Unwritable => "unwritable",
            Self::Refused(_) => "refused",
            Self::GaveUp(_) => "gave_up",
        }
    }
}

impl From<ReadError> for Outcome {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Event(error) => Self::Reject(RejectReason::Unreadable(error)),
            ReadError::Open(OpenError::UnknownKey) => Self::Retry(RetryReason::UnknownKey),
            ReadError::Open(OpenError::Tampered) => Self::Reject(RejectReason::Tampered),
            ReadError::Open(OpenError::Contents) => {
                Self::Reject(RejectReason::Unreadable(EventError::Version))
            }
        }
    }
}

impl From<Unwritable> for Outcome {
    fn from(_: Unwritable) -> Self {
        Self::Reject(RejectReason::Unwritable)
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match Fault::from(failure) {
            Fault::HostNotFound
            | Fault::Unreachable
            | Fault::TlsFailed(_)
            | Fault::ClientRejected
            | Fault::LoginInterrupted
            | Fault::SessionDeferred => Self::Pause(PauseReason::RelayUnreachable),
            Fault::LoginRefused | Fault::NoLogin(_) => Self::Pause(PauseReason::LoginRefused),
            Fault::Refused { part, severity, reply } => refused(part, severity, reply),
            // The first report; the second one pauses.
            Fault::SenderRefusedLate { .. } => Self::Retry(RetryReason::SenderRefused),
            Fault::Crowded => Self::Retry(RetryReason::Busy),
            Fault::TimedOut => Self::Retry(RetryReason::TimedOut),
            Fault::ConnectionLost => Self::Retry(RetryReason::ConnectionLost),
            Fault::SinkFailed => Self::Retry(RetryReason::SinkFailed),
            Fault::OutOfStep => Self::Retry(RetryReason::OutOfStep),
            Fault::Late => Self::Expired,
        }
    }
}

fn refused(part: Part, severity: Severity, reply: Reply) -> Outcome {
    match (severity, part) {
        (Severity::Closing, _) => Outcome::Retry(RetryReason::Busy),
        (Severity::Temporary, _) => Outcome::Retry(RetryReason::Deferred),
        (Severity::Protocol, _) => Outcome::Retry(RetryReason::OutOfStep),
        (Severity::Permanent, Part::Sender) => Outcome::Pause(PauseReason::SenderRefused),
        (Severity::Permanent, Part::Recipient | Part::Message) => {
            Outcome::Reject(RejectReason::Refused(reply))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EventError, Outcome, PauseReason, RejectReason, RetryReason};
    use crate::smtp::{Failure, Fault, Reply, Scope, phase::Phase};

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
            RejectReason::Tampered,
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
            (Phase::Login, 535, PauseReason::LoginRefused),
            (Phase::Mail, 530, PauseReason::LoginRefused),
            (Phase::Login, 454, PauseReason::RelayUnreachable),
            (Phase::Greeting, 554, PauseReason::RelayUnreachable),
            (Phase::Mail, 550, PauseReason::SenderRefused),
        ] {
            assert_eq!(refused(phase, code), Outcome::Pause(reason));
        }
        assert_eq!(
            Outcome::from(Failure::Broken { phase: Phase::Connect }),
            Outcome::Pause(PauseReason::RelayUnreachable)
        );
        assert_eq!(
            Outcome::from(Failure::Unsupported { phase: Phase::Tls }),
            Outcome::Pause(PauseReason::RelayUnreachable)
        );
    }

    /// The status of the mail server and the consumer agree on what keeps every mail back.
    #[test]
    fn the_consumer_pauses_at_what_affects_every_mail_and_at_nothing_else() {
        let phases = [
            Phase::Lookup,
            Phase::Connect,
            Phase::Tls,
            Phase::Greeting,
            Phase::Login,
            Phase::Mail,
            Phase::Rcpt,
            Phase::Data,
            Phase::Accept,
        ];
        let codes = [421, 450, 451, 454, 500, 502, 503, 530, 534, 535, 538, 550, 554];
        let of_phase = |phase| {
            let others = [
                Failure::TimedOut { phase },
                Failure::Broken { phase },
                Failure::OutOfStep { phase, code: 354 },
                Failure::Unsupported { phase },
            ];
            let refused = codes.map(|code| Failure::Refused { phase, reply: Reply::new(code) });
            others.into_iter().chain(refused)
        };
        for failure in phases.into_iter().flat_map(of_phase).chain([
            Failure::Crowded,
            Failure::SinkFailed,
            Failure::Late,
        ]) {
            let pauses = matches!(Outcome::from(failure), Outcome::Pause(_));
            assert_eq!(pauses, Fault::from(failure).scope() == Scope::All, "{failure}");
        }
    }

    #[test]
    fn a_silent_server_after_the_final_dot_is_no_success() {
        let outcome = Outcome::from(Failure::TimedOut { phase: Phase::Accept });
        assert_eq!(outcome, Outcome::Retry(RetryReason::TimedOut));
    }
}
