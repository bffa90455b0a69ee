//! The class of a failure that says what to do about it: for the report on a test mail, and for the status.

use ping_contract::test_mail::Answer;

use super::{
    failure::{Failure, Reply},
    phase::Phase,
};

/// The class of a failure.
#[must_use]
pub fn answer(failure: Failure) -> Answer {
    match failure {
        Failure::Refused { phase, reply } => refused(phase, reply),
        Failure::Unsupported { phase: Phase::Login } => Answer::LoginRefused,
        Failure::Unsupported { .. } => Answer::TlsFailed,
        Failure::Crowded => Answer::Deferred,
        Failure::Late => Answer::Interrupted,
        Failure::TimedOut { phase } | Failure::Broken { phase } | Failure::OutOfStep { phase, .. } => {
            match phase {
                Phase::Lookup | Phase::Connect | Phase::Greeting => Answer::Unreachable,
                Phase::Tls => Answer::TlsFailed,
                Phase::Login | Phase::Mail | Phase::Rcpt | Phase::Data | Phase::Accept => Answer::Interrupted,
            }
        }
    }
}

fn refused(phase: Phase, reply: Reply) -> Answer {
    match (phase, reply.code) {
        // The relay wants a login, or another one (RFC 4954).
        (_, 530 | 534 | 535 | 538) | (Phase::Login, 500..) => Answer::LoginRefused,
        (Phase::Tls, _) => Answer::TlsFailed,
        (_, ..500) => Answer::Deferred,
        (Phase::Mail, _) => Answer::SenderRefused,
        (Phase::Rcpt, _) => Answer::RecipientRefused,
        (Phase::Data | Phase::Accept, _) => Answer::MessageRefused,
        (Phase::Lookup | Phase::Connect | Phase::Greeting, _) => Answer::TurnedAway,
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
