//! What the mail server said to the recipients of one mail. A mail of ours has one; those of other publishers may have
//! several, and go to those that are taken.

use super::failure::Failure;

/// The answers to RCPT so far.
#[derive(Debug, Default)]
pub(super) struct TakenRecipients {
    taken: usize,
    refused: usize,
    failure: Option<Failure>,
}

impl TakenRecipients {
    /// Notes the next answer.
    pub(super) fn note(&mut self, answer: Result<(), Failure>) {
        let Err(failure) = answer else {
            self.taken += 1;
            return;
        };
        self.refused += 1;
        // A temporary one is the better reason: the next try may reach somebody.
        if self.failure.is_none() || is_temporary(failure) {
            self.failure = Some(failure);
        }
    }

    /// Whether somebody is left to mail to.
    pub(super) fn result(self) -> Result<(), Failure> {
        let Self { taken, refused, failure } = self;
        match failure {
            Some(failure) if taken == 0 => Err(failure),
            Some(failure) => {
                tracing::warn!(taken, refused, %failure, "the mail server refuses some recipients of a mail");
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn is_temporary(failure: Failure) -> bool {
    failure.reply().is_some_and(|reply| reply.code / 100 == 4)
}

#[cfg(test)]
mod tests {
    use super::{Failure, TakenRecipients};
    use crate::smtp::{Reply, phase::Phase};

    fn result(codes: &[u16]) -> Result<(), Failure> {
        let mut taken = TakenRecipients::default();
        for code in codes {
            taken.note(if *code == 250 { Ok(()) } else { Err(refused(*code)) });
        }
        taken.result()
    }

    fn refused(code: u16) -> Failure {
        Failure::Refused { phase: Phase::Rcpt, reply: Reply::new(code) }
    }

    #[test]
    fn a_mail_goes_to_those_who_are_taken_and_waits_if_nobody_is_for_now() {
        assert_eq!(result(&[250]), Ok(()));
        assert_eq!(result(&[550, 250, 451]), Ok(()));
        assert_eq!(result(&[550]), Err(refused(550)));
        assert_eq!(result(&[550, 451, 553]), Err(refused(451)));
    }
}
