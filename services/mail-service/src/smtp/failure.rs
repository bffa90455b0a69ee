//! What went wrong in an SMTP session, without a word of the server's own text: that may quote address or content.

use std::{error::Error as _, fmt};

use lettre::transport::smtp::{Error as LettreError, response::Response};
use ping_contract::{login_trouble::LoginTrouble, tls_trouble::TlsTrouble};

use super::{phase::Phase, sender_refusal::concerns_sender};

/// A reply code and, where the server gave one, its enhanced status (RFC 3463). All that is kept of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reply {
    /// Three digits, 200 to 599.
    pub code: u16,
    /// Class, subject and detail of `5.1.1`.
    pub enhanced: Option<(u8, u16, u16)>,
    /// Whether a refusal of a recipient or of a message is about the sender.
    pub concerns_sender: bool,
}

impl Reply {
    /// A reply without an enhanced status.
    #[must_use]
    pub fn new(code: u16) -> Self {
        Self { code, enhanced: None, concerns_sender: false }
    }

    pub(super) fn of_refusal(code: u16, text: &str) -> Self {
        let enhanced = text.split(' ').next().and_then(parse_enhanced);
        let enhanced = enhanced.filter(|(class, ..)| u16::from(*class) == code / 100);
        Self { code, enhanced, concerns_sender: false }
    }

    /// The label of a metric: `2xx` to `5xx`.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self.code / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        match self.enhanced {
            Some((class, subject, detail)) => write!(f, " {class}.{subject}.{detail}"),
            None => Ok(()),
        }
    }
}

/// `5.1.1`, digits only: nothing else of the text can pass.
fn parse_enhanced(word: &str) -> Option<(u8, u16, u16)> {
    let mut parts = word.splitn(3, '.');
    let class = parts.next()?;
    let subject = parts.next()?;
    let detail = parts.next()?;
    let short = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if class.len() != 1 || !short(class) || !short(subject) || !short(detail) {
        return None;
    }
    Some((class.parse().ok()?, subject.parse().ok()?, detail.parse().ok()?))
}

/// Why a mail was not accepted, or a session not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A 4xx or 5xx reply.
    #[error("the mail server answered {reply} in phase {phase}")]
    Refused { phase: Phase, reply: Reply },
    /// A positive reply, but not the one that this phase ends with: the session is out of step.
    #[error("the mail server answered {code} in phase {phase}, out of step")]
    OutOfStep { phase: Phase, code: u16 },
    /// No reply within the phase's deadline.
    #[error("the mail server did not answer in time in phase {phase}")]
    TimedOut { phase: Phase },
    /// The connection could not be made or ended, or what came over it was no SMTP reply.
    #[error("the connection to the mail server failed in phase {phase}")]
    Broken { phase: Phase },
    /// The server offers no STARTTLS, or no mechanism to log in that we know.
    #[error("the mail server lacks what phase {phase} needs")]
    Unsupported {
        /// [`Phase::Tls`] or [`Phase::Login`].
        phase: Phase,
    },
    /// The handshake that encrypts the session failed.
    #[error("{}", .trouble.of_mail_server())]
    Handshake { trouble: TlsTrouble },
    /// The server offers no login that we know.
    #[error("{}", .trouble.message())]
    NoLogin { trouble: LoginTrouble },
    /// The server takes no further session (4xx while opening) while others of ours go on.
    #[error("the mail server takes no further connection")]
    Crowded,
    /// The sink of synthetic sign-ins did not take the mail. The mail server has no part in it.
    #[error("the sink of synthetic sign-ins did not take the mail")]
    SinkFailed,
    /// The code died before the message was handed over.
    #[error("the mail expired before it could be handed over")]
    Late,
}

impl Failure {
    /// Sorts lettre's error. An end of file is "incomplete response" to lettre, hence the last arm.
    pub(super) fn from_lettre(phase: Phase, error: &LettreError) -> Self {
        match error.status() {
            Some(code) => {
                let text = error.source().map(ToString::to_string).unwrap_or_default();
                let reply = Reply::of_refusal(code.into(), &text);
                Self::Refused {
                    phase,
                    reply: Reply { concerns_sender: concerns_sender(phase, reply, &text), ..reply },
                }
            }
            None if error.is_client() => Self::Unsupported { phase },
            None => Self::Broken { phase },
        }
    }

    /// Accepts exactly the codes that end the phase well. "Positive" is not enough: lettre's pool once took the 354
    /// of an earlier, cancelled mail for the acceptance of the next (measured).
    pub(super) fn unless_expected(phase: Phase, response: &Response, expected: &[u16]) -> Result<(), Self> {
        let code = u16::from(response.code());
        if expected.contains(&code) { Ok(()) } else { Err(Self::OutOfStep { phase, code }) }
    }

    /// Whether the session is in step afterwards, so that RSET makes it fit for the next mail: one mail was refused,
    /// and the server does not hang up (421).
    #[must_use]
    pub fn keeps_session(&self) -> bool {
        matches!(self, Self::Refused { phase, reply } if !phase.is_opening() && reply.code != 421)
    }

    /// Whether a session that had been idle turned out to be closed: no message was handed over yet, another session
    /// may do it at once.
    #[must_use]
    pub fn is_stale_session(&self) -> bool {
        match self {
            Self::Broken { phase } => matches!(phase, Phase::Mail | Phase::Rcpt | Phase::Data),
            Self::Refused { phase, reply } => *phase != Phase::Accept && reply.code == 421,
            _ => false,
        }
    }

    /// The step it happened in.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        match self {
            Self::Refused { phase, .. }
            | Self::OutOfStep { phase, .. }
            | Self::TimedOut { phase }
            | Self::Broken { phase }
            | Self::Unsupported { phase } => Some(*phase),
            Self::Handshake { .. } => Some(Phase::Tls),
            Self::NoLogin { .. } => Some(Phase::Login),
            Self::Crowded | Self::SinkFailed | Self::Late => None,
        }
    }

    /// The reply, for a metric's class and a parked note.
    #[must_use]
    pub fn reply(&self) -> Option<Reply> {
        match self {
            Self::Refused { reply, .. } => Some(*reply),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Reply};
    use crate::smtp::phase::Phase;

    #[test]
    fn an_enhanced_status_is_kept_and_nothing_else_of_the_text() {
        let cases = [
            (550, "5.1.1 <ada@example.org> unknown", "550 5.1.1"),
            (550, "ada@example.org unknown", "550"),
            (550, "4.1.1 class does not agree", "550"),
            (451, "4.7.1234 too long", "451"),
            (550, "5.1.1482931", "550"),
            (550, "", "550"),
        ];
        for (code, text, expected) in cases {
            assert_eq!(Reply::of_refusal(code, text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn only_a_refused_mail_leaves_the_session_usable() {
        let refused = |phase, code| Failure::Refused { phase, reply: Reply::new(code) };
        assert!(refused(Phase::Rcpt, 550).keeps_session() && refused(Phase::Accept, 451).keeps_session());
        for failure in [
            refused(Phase::Rcpt, 421),
            refused(Phase::Login, 535),
            Failure::TimedOut { phase: Phase::Accept },
            Failure::Broken { phase: Phase::Mail },
            Failure::OutOfStep { phase: Phase::Accept, code: 354 },
            Failure::Late,
        ] {
            assert!(!failure.keeps_session(), "{failure}");
        }
    }

    #[test]
    fn after_the_message_was_written_no_session_counts_as_merely_stale() {
        assert!(Failure::Broken { phase: Phase::Mail }.is_stale_session());
        assert!(!Failure::Broken { phase: Phase::Accept }.is_stale_session());
        assert!(!Failure::TimedOut { phase: Phase::Mail }.is_stale_session());
    }
}
