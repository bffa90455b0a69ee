//! The class of a failure that says what to do about it: for the report on a test mail.

use ping_contract::test_mail::{TestMailCause, TestMailResult};

use super::{
    classification::{Fault, Part, Severity},
    failure::Failure,
};

/// The class of a failure.
#[must_use]
pub fn answer(failure: Failure) -> TestMailResult {
    match Fault::from(failure) {
        Fault::HostNotFound | Fault::Unreachable => TestMailResult::Unreachable,
        Fault::TlsFailed(_) => TestMailResult::TlsFailed,
        Fault::ClientRejected => TestMailResult::TurnedAway,
        Fault::LoginRefused | Fault::NoLogin(_) => TestMailResult::LoginRefused,
        Fault::SessionDeferred
        | Fault::Crowded
        | Fault::SinkFailed
        | Fault::Refused { severity: Severity::Closing | Severity::Temporary, .. } => {
            TestMailResult::Deferred
        }
        Fault::Refused { part: Part::Sender, .. } | Fault::SenderRefusedLate { .. } => {
            TestMailResult::SenderRefused
        }
        Fault::Refused { part: Part::Recipient, .. } => TestMailResult::RecipientRefused,
        Fault::Refused { part: Part::Message, .. } => TestMailResult::MessageRefused,
        Fault::LoginInterrupted
        | Fault::TimedOut
        | Fault::ConnectionLost
        | Fault::OutOfStep
        | Fault::Late => TestMailResult::Interrupted,
    }
}

/// What lies behind it, where that is known.
#[must_use]
pub fn cause(failure: Failure) -> Option<TestMailCause> {
    match Fault::from(failure) {
        Fault::TlsFailed(trouble) => Some(TestMailCause::Tls(trouble)),
        Fault::NoLogin(trouble) => Some(TestMailCause::Login(trouble)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ping_contract::test_mail::TestMailResult;

    use super::answer;
    use crate::smtp::{Failure, Reply, phase::Phase};

    #[test]
    fn each_answer_has_the_class_that_says_what_to_do() {
        for (phase, code, class) in [
            (Phase::Greeting, 554, TestMailResult::TurnedAway),
            (Phase::Greeting, 421, TestMailResult::Deferred),
            (Phase::Tls, 454, TestMailResult::TlsFailed),
            (Phase::Login, 535, TestMailResult::LoginRefused),
            (Phase::Login, 454, TestMailResult::Deferred),
            (Phase::Mail, 530, TestMailResult::LoginRefused),
            (Phase::Mail, 553, TestMailResult::SenderRefused),
            (Phase::Rcpt, 550, TestMailResult::RecipientRefused),
            (Phase::Rcpt, 451, TestMailResult::Deferred),
            (Phase::Accept, 554, TestMailResult::MessageRefused),
        ] {
            assert_eq!(answer(Failure::Refused { phase, reply: Reply::new(code) }), class, "{phase} {code}");
        }
    }

    #[test]
    fn a_message_that_is_refused_because_of_its_sender_names_the_sender() {
        let reply = Reply { concerns_sender: true, ..Reply::new(554) };
        let refused = Failure::Refused { phase: Phase::Accept, reply };
        assert_eq!(answer(refused), TestMailResult::SenderRefused);
    }

    #[test]
    fn a_mail_that_may_have_arrived_is_not_called_unreachable() {
        assert_eq!(answer(Failure::Broken { phase: Phase::Connect }), TestMailResult::Unreachable);
        assert_eq!(answer(Failure::TimedOut { phase: Phase::Accept }), TestMailResult::Interrupted);
        assert_eq!(answer(Failure::Broken { phase: Phase::Accept }), TestMailResult::Interrupted);
        assert_eq!(answer(Failure::Unsupported { phase: Phase::Tls }), TestMailResult::TlsFailed);
        assert_eq!(answer(Failure::Unsupported { phase: Phase::Login }), TestMailResult::LoginRefused);
    }
}
