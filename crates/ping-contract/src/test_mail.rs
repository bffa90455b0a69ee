//! How a mail server took a test mail: what the pod that sent it leaves as its termination message, and the operator
//! turns into a condition. A class and a reply code, never the server's own text: that may quote an address.

use std::{fmt, str::FromStr};

/// The classes of answers. The name is the condition's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The mail server took responsibility for the mail.
    Delivered,
    /// The settings are not usable; nothing was asked.
    Misconfigured,
    /// No connection, or nobody spoke SMTP on it.
    Unreachable,
    /// No encryption, or a certificate that is not trusted.
    TlsFailed,
    /// The server takes no session from here, whoever it is for.
    TurnedAway,
    /// User or password are refused, or wanted and not configured.
    LoginRefused,
    /// The server does not take mail from this sender.
    SenderRefused,
    /// The server does not take mail for this recipient.
    RecipientRefused,
    /// The server does not take this message.
    MessageRefused,
    /// The server asks to come back later.
    Deferred,
    /// The connection ended, fell silent or got out of step in the middle: the mail may have arrived.
    Interrupted,
}

impl Answer {
    /// Every class.
    pub const ALL: [Self; 11] = [
        Self::Delivered,
        Self::Misconfigured,
        Self::Unreachable,
        Self::TlsFailed,
        Self::TurnedAway,
        Self::LoginRefused,
        Self::SenderRefused,
        Self::RecipientRefused,
        Self::MessageRefused,
        Self::Deferred,
        Self::Interrupted,
    ];

    /// The name, a condition's reason.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "Delivered",
            Self::Misconfigured => "Misconfigured",
            Self::Unreachable => "Unreachable",
            Self::TlsFailed => "TlsFailed",
            Self::TurnedAway => "TurnedAway",
            Self::LoginRefused => "LoginRefused",
            Self::SenderRefused => "SenderRefused",
            Self::RecipientRefused => "RecipientRefused",
            Self::MessageRefused => "MessageRefused",
            Self::Deferred => "Deferred",
            Self::Interrupted => "Interrupted",
        }
    }

    /// Whether nothing was delivered and another try may fare better. A refused login is none: tries lock accounts.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::Unreachable | Self::Deferred)
    }

    /// The exit status of the process that sent it: 0, or [`EXIT_FINAL`], or [`EXIT_TEMPORARY`].
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Delivered => 0,
            answer if answer.is_temporary() => EXIT_TEMPORARY,
            _ => EXIT_FINAL,
        }
    }
}

/// Exit status: no further try will help.
pub const EXIT_FINAL: u8 = 1;

/// Exit status: try again later (`EX_TEMPFAIL` of sysexits.h).
pub const EXIT_TEMPORARY: u8 = 75;

/// One report, `LoginRefused 535 5.7.8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The class.
    pub answer: Answer,
    /// The reply's code and enhanced status (RFC 3463), where there was a reply: `535 5.7.8`.
    pub reply: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.answer.name())?;
        self.reply.iter().try_for_each(|reply| write!(f, " {reply}"))
    }
}

/// A text that is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a report on a test mail")]
pub struct NoReport;

impl FromStr for Report {
    type Err = NoReport;

    /// Takes what [`Report`] prints and nothing else: a pod's termination message is anybody's text.
    fn from_str(text: &str) -> Result<Self, NoReport> {
        let (name, reply) = match text.trim_end().split_once(' ') {
            Some((name, reply)) => (name, Some(reply)),
            None => (text.trim_end(), None),
        };
        let answer = Answer::ALL.into_iter().find(|answer| answer.name() == name).ok_or(NoReport)?;
        if reply.is_some_and(|reply| !is_reply(reply)) {
            return Err(NoReport);
        }
        Ok(Self { answer, reply: reply.map(str::to_owned) })
    }
}

/// `535` or `535 5.7.8`.
fn is_reply(text: &str) -> bool {
    let mut words = text.split(' ');
    let code = words.next().is_some_and(|code| code.len() == 3 && is_number(code));
    let enhanced = words.next().is_none_or(|status| {
        let parts = status.split('.').collect::<Vec<_>>();
        parts.len() == 3 && parts.into_iter().all(is_number)
    });
    code && enhanced && words.next().is_none()
}

fn is_number(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{Answer, EXIT_FINAL, EXIT_TEMPORARY, NoReport, Report};

    #[test]
    fn a_report_is_read_as_it_was_written() {
        for answer in Answer::ALL {
            for reply in [None, Some("535".to_owned()), Some("535 5.7.8".to_owned())] {
                let report = Report { answer, reply };
                assert_eq!(format!("{report}\n").parse(), Ok(report));
            }
        }
    }

    #[test]
    fn nothing_else_is_a_report() {
        for text in [
            "",
            "Sent",
            "LoginRefused 5.7.8",
            "LoginRefused 535 <ada@example.org> unknown",
            "LoginRefused 535 5.7.8 go away",
            "LoginRefused 535 5.7",
            "LoginRefused\nDelivered",
            "Delivered  250",
        ] {
            assert_eq!(text.parse::<Report>(), Err(NoReport), "{text}");
        }
    }

    #[test]
    fn only_a_mail_that_cannot_have_arrived_is_sent_again() {
        let status = |answer: Answer| answer.exit_status();
        assert_eq!(status(Answer::Delivered), 0);
        assert_eq!([Answer::Unreachable, Answer::Deferred].map(status), [EXIT_TEMPORARY; 2]);
        for answer in [Answer::LoginRefused, Answer::Interrupted, Answer::RecipientRefused] {
            assert_eq!(status(answer), EXIT_FINAL, "{}", answer.name());
        }
    }
}
