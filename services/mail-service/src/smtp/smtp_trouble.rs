//! Why the mail server cannot be used, as a status shows it.

use ping_contract::{login_trouble::LoginTrouble, tls_trouble::TlsTrouble};

use super::{
    classification::{Fault, Part, Severity},
    failure::Failure,
};

/// What is wrong with the mail server, with its settings, or with the way to it. No mail's own fault is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmtpTrouble {
    /// Its host name has no address.
    HostNotFound,
    /// No connection, or no SMTP greeting on it.
    Unreachable,
    /// No encryption, or a certificate that is not trusted.
    TlsFailed(TlsTrouble),
    /// It takes no session from this network.
    ClientRejected,
    /// User or password were refused, or are required and not configured.
    AuthenticationFailed,
    /// It offers no login that we know.
    NoLogin(LoginTrouble),
    /// It takes no mail from our sender.
    SenderRejected,
    /// It asks to come back later.
    Unavailable,
    /// It ended the session or fell silent in the middle.
    Interrupted,
}

impl SmtpTrouble {
    pub const ALL: [Self; 15] = [
        Self::HostNotFound,
        Self::Unreachable,
        Self::TlsFailed(TlsTrouble::WrongName),
        Self::TlsFailed(TlsTrouble::UnknownCa),
        Self::TlsFailed(TlsTrouble::Expired),
        Self::TlsFailed(TlsTrouble::PlainPort),
        Self::TlsFailed(TlsTrouble::Handshake),
        Self::ClientRejected,
        Self::AuthenticationFailed,
        Self::NoLogin(LoginTrouble::NoAuth),
        Self::NoLogin(LoginTrouble::OAuthOnly),
        Self::NoLogin(LoginTrouble::OtherMechanisms),
        Self::SenderRejected,
        Self::Unavailable,
        Self::Interrupted,
    ];

    /// What a failure says of the mail server; `None` if it says nothing: a recipient or a message was refused, other
    /// sessions of ours go on, or the mail was too old.
    #[must_use]
    pub fn of(failure: Failure) -> Option<Self> {
        match Fault::from(failure) {
            Fault::HostNotFound => Some(Self::HostNotFound),
            Fault::Unreachable => Some(Self::Unreachable),
            Fault::TlsFailed(trouble) => Some(Self::TlsFailed(trouble)),
            Fault::NoLogin(trouble) => Some(Self::NoLogin(trouble)),
            Fault::ClientRejected => Some(Self::ClientRejected),
            Fault::LoginRefused => Some(Self::AuthenticationFailed),
            Fault::SessionDeferred
            | Fault::Refused { severity: Severity::Closing | Severity::Temporary, .. } => {
                Some(Self::Unavailable)
            }
            Fault::Refused { part: Part::Sender, .. } | Fault::SenderRefusedLate { .. } => {
                Some(Self::SenderRejected)
            }
            Fault::LoginInterrupted | Fault::TimedOut | Fault::ConnectionLost | Fault::OutOfStep => {
                Some(Self::Interrupted)
            }
            Fault::Refused { part: Part::Recipient | Part::Message, .. }
            | Fault::Crowded
            | Fault::SinkFailed
            | Fault::Late => None,
        }
    }

    /// A condition's reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::HostNotFound => "SmtpHostNotFound",
            Self::Unreachable => "SmtpUnreachable",
            Self::TlsFailed(_) => "SmtpTlsFailed",
            Self::ClientRejected => "SmtpClientRejected",
            Self::AuthenticationFailed | Self::NoLogin(_) => "SmtpAuthenticationFailed",
            Self::SenderRejected => "SmtpSenderRejected",
            Self::Unavailable => "SmtpUnavailable",
            Self::Interrupted => "SmtpInterrupted",
        }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::HostNotFound => {
                "The host name of the mail server has no address. Check its spelling, and the DNS of this network."
            }
            Self::Unreachable => {
                "No mail server answers. Check host and port, that the port fits the TLS mode (465 for implicit TLS, 587 \
                 for STARTTLS), and that the network lets connections to it out."
            }
            Self::TlsFailed(trouble) => trouble.of_mail_server(),
            Self::NoLogin(trouble) => trouble.message(),
            Self::ClientRejected => {
                "The mail server takes no mail from this network. Ask its operator to allow the addresses that this \
                 cluster sends from."
            }
            Self::AuthenticationFailed => {
                "The mail server refuses user and password, or requires them. Check both; some providers want a password \
                 made for the application."
            }
            Self::SenderRejected => {
                "The mail server takes no mail from the configured sender. Check the sender, and that the user may send \
                 as it."
            }
            Self::Unavailable => {
                "The mail server is busy or asks to try again later. Mails wait; if this lasts, check its limits with \
                 its operator."
            }
            Self::Interrupted => {
                "The mail server ends sessions or falls silent in the middle. Mails wait; check its log, and proxies or \
                 firewalls on the way."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ping_contract::{login_trouble::LoginTrouble, tls_trouble::TlsTrouble};

    use super::SmtpTrouble;
    use crate::smtp::{Failure, Reply, phase::Phase};

    #[test]
    fn every_trouble_has_its_own_sentence_and_a_reason_in_the_form_of_a_condition() {
        let messages = SmtpTrouble::ALL.map(SmtpTrouble::message);
        assert_eq!(messages.into_iter().collect::<BTreeSet<_>>().len(), messages.len());
        for trouble in SmtpTrouble::ALL {
            let reason = trouble.reason();
            let message = trouble.message();
            assert!(reason.starts_with("Smtp"), "{reason}");
            assert!(reason.len() <= 64 && reason.bytes().all(|b| b.is_ascii_alphabetic()), "{reason}");
            assert!(message.len() <= 512, "{reason}");
        }
    }

    #[test]
    fn the_reasons_in_the_docs_are_those_of_the_check() {
        let reasons = SmtpTrouble::ALL.map(|trouble| (trouble.reason(), trouble.message()));
        test_kit::documents::assert_reasons("smtp", reasons);
    }

    #[test]
    fn what_keeps_every_mail_from_being_handed_over_is_told_apart() {
        let refused = |phase, code| Failure::Refused { phase, reply: Reply::new(code) };
        for (failure, trouble) in [
            (Failure::Broken { phase: Phase::Lookup }, SmtpTrouble::HostNotFound),
            (Failure::TimedOut { phase: Phase::Lookup }, SmtpTrouble::HostNotFound),
            (Failure::Broken { phase: Phase::Connect }, SmtpTrouble::Unreachable),
            (Failure::TimedOut { phase: Phase::Connect }, SmtpTrouble::Unreachable),
            (Failure::TimedOut { phase: Phase::Greeting }, SmtpTrouble::Unreachable),
            (Failure::Broken { phase: Phase::Tls }, SmtpTrouble::TlsFailed(TlsTrouble::Handshake)),
            (Failure::Unsupported { phase: Phase::Tls }, SmtpTrouble::TlsFailed(TlsTrouble::PlainPort)),
            (
                Failure::Handshake { trouble: TlsTrouble::Expired },
                SmtpTrouble::TlsFailed(TlsTrouble::Expired),
            ),
            (
                Failure::NoLogin { trouble: LoginTrouble::OAuthOnly },
                SmtpTrouble::NoLogin(LoginTrouble::OAuthOnly),
            ),
            (refused(Phase::Greeting, 554), SmtpTrouble::ClientRejected),
            (refused(Phase::Greeting, 421), SmtpTrouble::Unavailable),
            (refused(Phase::Login, 535), SmtpTrouble::AuthenticationFailed),
            (refused(Phase::Login, 454), SmtpTrouble::Unavailable),
            (refused(Phase::Mail, 530), SmtpTrouble::AuthenticationFailed),
            (refused(Phase::Mail, 553), SmtpTrouble::SenderRejected),
            (refused(Phase::Mail, 452), SmtpTrouble::Unavailable),
            (Failure::TimedOut { phase: Phase::Login }, SmtpTrouble::Interrupted),
        ] {
            assert_eq!(SmtpTrouble::of(failure), Some(trouble), "{failure}");
        }
    }

    #[test]
    fn what_is_the_fault_of_one_mail_says_nothing_of_the_mail_server() {
        let refused = |phase| Failure::Refused { phase, reply: Reply::new(550) };
        for failure in [
            refused(Phase::Rcpt),
            refused(Phase::Accept),
            Failure::Crowded,
            Failure::SinkFailed,
            Failure::Late,
        ] {
            assert_eq!(SmtpTrouble::of(failure), None, "{failure}");
        }
    }
}
