//! How a mail server took a test mail: what the pod that sent it leaves as its termination message, and the operator
//! turns into a condition. A class and a reply code, never the server's own text: that may quote an address.

use std::{fmt, str::FromStr};

use crate::{login_trouble::LoginTrouble, tls_trouble::TlsTrouble};

/// The classes of answers. The name is the condition's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TestMailResult {
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

impl TestMailResult {
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

/// What lies behind a [`TestMailResult::TlsFailed`] or a [`TestMailResult::LoginRefused`], where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TestMailCause {
    Tls(TlsTrouble),
    Login(LoginTrouble),
}

impl TestMailCause {
    const fn name(self) -> &'static str {
        match self {
            Self::Tls(trouble) => trouble.name(),
            Self::Login(trouble) => trouble.name(),
        }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Tls(trouble) => trouble.of_mail_server(),
            Self::Login(trouble) => trouble.message(),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let tls = TlsTrouble::ALL.into_iter().map(Self::Tls);
        let mut all = tls.chain(LoginTrouble::ALL.into_iter().map(Self::Login));
        all.find(|cause| cause.name() == word)
    }
}

/// One report, `LoginRefused 535 5.7.8` or `TlsFailed Expired`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestMailReport {
    /// The class.
    pub answer: TestMailResult,
    /// More about it.
    pub cause: Option<TestMailCause>,
    /// The reply's code and enhanced status (RFC 3463), where there was a reply: `535 5.7.8`.
    pub reply: Option<String>,
}

impl fmt::Display for TestMailReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.answer.name())?;
        self.cause.iter().try_for_each(|cause| write!(f, " {}", cause.name()))?;
        self.reply.iter().try_for_each(|reply| write!(f, " {reply}"))
    }
}

/// A text that is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a report on a test mail")]
pub struct NoReport;

impl FromStr for TestMailReport {
    type Err = NoReport;

    /// Takes what [`TestMailReport`] prints and nothing else: a pod's termination message is anybody's text.
    fn from_str(text: &str) -> Result<Self, NoReport> {
        let (name, rest) = first_word(text.trim_end());
        let cause = rest.and_then(|rest| TestMailCause::parse(first_word(rest).0));
        let reply = if cause.is_some() { rest.and_then(|rest| first_word(rest).1) } else { rest };
        let answer = TestMailResult::ALL.into_iter().find(|answer| answer.name() == name).ok_or(NoReport)?;
        if reply.is_some_and(|reply| !is_reply(reply)) {
            return Err(NoReport);
        }
        Ok(Self { answer, cause, reply: reply.map(str::to_owned) })
    }
}

fn first_word(text: &str) -> (&str, Option<&str>) {
    match text.split_once(' ') {
        Some((word, rest)) => (word, Some(rest)),
        None => (text, None),
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
    use super::{EXIT_FINAL, EXIT_TEMPORARY, NoReport, TestMailCause, TestMailReport, TestMailResult};
    use crate::{login_trouble::LoginTrouble, tls_trouble::TlsTrouble};

    #[test]
    fn a_report_is_read_as_it_was_written() {
        for answer in TestMailResult::ALL {
            let causes =
                [TestMailCause::Tls(TlsTrouble::WrongName), TestMailCause::Login(LoginTrouble::NoAuth)];
            for cause in [None].into_iter().chain(causes.map(Some)) {
                for reply in [None, Some("535".to_owned()), Some("535 5.7.8".to_owned())] {
                    let report = TestMailReport { answer, cause, reply };
                    assert_eq!(format!("{report}\n").parse(), Ok(report));
                }
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
            "TlsFailed Expired Expired",
            "TlsFailed 535 Expired",
            "LoginRefused\nDelivered",
            "Delivered  250",
        ] {
            assert_eq!(text.parse::<TestMailReport>(), Err(NoReport), "{text}");
        }
    }

    #[test]
    fn only_a_mail_that_cannot_have_arrived_is_sent_again() {
        let status = |answer: TestMailResult| answer.exit_status();
        assert_eq!(status(TestMailResult::Delivered), 0);
        assert_eq!([TestMailResult::Unreachable, TestMailResult::Deferred].map(status), [EXIT_TEMPORARY; 2]);
        for answer in
            [TestMailResult::LoginRefused, TestMailResult::Interrupted, TestMailResult::RecipientRefused]
        {
            assert_eq!(status(answer), EXIT_FINAL, "{}", answer.name());
        }
    }
}
