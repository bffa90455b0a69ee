//! The class of a failure that says what to do about it: for the report on a test mail.

use ping_contract::test_mail::Answer;

use super::{
    failure::Failure,
    fault::{Fault, Part, Severity},
};

/// The class of a failure.
#[must_use]
pub fn answer(failure: Failure) -> Answer {
    match Fault::from(failure) {
        Fault::HostNotFound | Fault::Unreachable => Answer::Unreachable,
        Fault::TlsFailed => Answer::TlsFailed,
        Fault::ClientRejected => Answer::TurnedAway,
        Fault::LoginRefused => Answer::LoginRefused,
        Fault::SessionDeferred
        | Fault::Crowded
        | Fault::Refused { severity: Severity::Closing | Severity::Temporary, .. } => Answer::Deferred,
        Fault::Refused { part: Part::Sender, .. } => Answer::SenderRefused,
        Fault::Refused { part: Part::Recipient, .. } => Answer::RecipientRefused,
        Fault::Refused { part: Part::Message, .. } => Answer::MessageRefused,
        Fault::LoginInterrupted
        | Fault::TimedOut
        | Fault::ConnectionLost
        | Fault::OutOfStep
        | Fault::Late => Answer::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use ping_contract::test_mail::Answer;

    use super::answer;
    use crate::smtp::{Failure, Reply, phase::Phase};

    #[test]
    fn each_answer_has_the_class_that_says_what_to_do() {
        for (phase, code, class) in [
            (Phase::Greeting, 554, Answer::TurnedAway),
            (Phase::Greeting, 421, Answer::Deferred),
            (Phase::Tls, 454, Answer::TlsFailed),
            (Phase::Login, 535, Answer::LoginRefused),
            (Phase::Login, 454, Answer::Deferred),
            (Phase::Mail, 530, Answer::LoginRefused),
            (Phase::Mail, 553, Answer::SenderRefused),
            (Phase::Rcpt, 550, Answer::RecipientRefused),
            (Phase::Rcpt, 451, Answer::Deferred),
            (Phase::Accept, 554, Answer::MessageRefused),
        ] {
            assert_eq!(answer(Failure::Refused { phase, reply: Reply::new(code) }), class, "{phase} {code}");
        }
    }

    #[test]
    fn a_mail_that_may_have_arrived_is_not_called_unreachable() {
        assert_eq!(answer(Failure::Broken { phase: Phase::Connect }), Answer::Unreachable);
        assert_eq!(answer(Failure::TimedOut { phase: Phase::Accept }), Answer::Interrupted);
        assert_eq!(answer(Failure::Broken { phase: Phase::Accept }), Answer::Interrupted);
        assert_eq!(answer(Failure::Unsupported { phase: Phase::Tls }), Answer::TlsFailed);
        assert_eq!(answer(Failure::Unsupported { phase: Phase::Login }), Answer::LoginRefused);
    }
}
