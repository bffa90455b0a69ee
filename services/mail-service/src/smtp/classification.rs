//! What a failure means: the one place that decides by a reply and its phase. The outcome of a delivery, the status of
//! the mail server and the result of a test mail follow from it.

use ping_contract::{login_trouble::LoginTrouble, tls_trouble::TlsTrouble};

use super::{
    failure::{Failure, Reply},
    phase::Phase,
};

/// The cause of a failure, without details that nothing depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The host name has no address.
    HostNotFound,
    /// No connection, or no SMTP greeting on it.
    Unreachable,
    /// No encryption, or a certificate that is not trusted.
    TlsFailed(TlsTrouble),
    /// A permanent refusal of the session.
    ClientRejected,
    /// User or password were refused, or are required and not configured.
    LoginRefused,
    /// The server offers no login that we know.
    NoLogin(LoginTrouble),
    /// The connection was lost, silent or out of step during the login.
    LoginInterrupted,
    /// A temporary refusal of the session.
    SessionDeferred,
    /// A temporary refusal of the session while other sessions of ours go on.
    Crowded,
    /// A refusal of one mail.
    Refused {
        part: Part,
        /// How the server refused.
        severity: Severity,
        reply: Reply,
    },
    /// A permanent refusal of the sender, in answer to a recipient or to the message. One may be about the one mail.
    SenderRefusedLate { reply: Reply },
    /// No reply in time after the session was opened.
    TimedOut,
    /// The connection was lost after the session was opened.
    ConnectionLost,
    /// A positive reply that belongs to no step of the dialogue.
    OutOfStep,
    /// The sink of synthetic sign-ins did not take the mail.
    SinkFailed,
    /// The code expired before the message was handed over.
    Late,
}

/// What a refusal of a mail answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient,
    /// DATA, or the message itself.
    Message,
}

/// How a mail was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// 421: the server closes the session.
    Closing,
    /// Another 4xx.
    Temporary,
    /// 500, 502 or 503: the dialogue is broken and not the mail. Command unknown, not implemented, out of sequence.
    Protocol,
    /// Another 5xx.
    Permanent,
}

/// Which mails a fault affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every mail: none can be sent until the fault is gone.
    All,
    /// Perhaps every mail: one such failure says little, several in a row do.
    Unclear,
    /// The mail that met it.
    One,
}

impl Fault {
    /// Which mails it affects. A 4xx to a recipient or a message affects one mail: greylisting is answered so.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::HostNotFound
            | Self::Unreachable
            | Self::TlsFailed(_)
            | Self::NoLogin(_)
            | Self::ClientRejected
            | Self::LoginRefused
            | Self::LoginInterrupted
            | Self::SessionDeferred
            | Self::Refused { part: Part::Sender, severity: Severity::Permanent, .. } => Scope::All,
            Self::SenderRefusedLate { .. }
            | Self::TimedOut
            | Self::ConnectionLost
            | Self::OutOfStep
            | Self::Refused { severity: Severity::Closing | Severity::Protocol, .. }
            | Self::Refused { part: Part::Sender, severity: Severity::Temporary, .. } => Scope::Unclear,
            Self::Refused { severity: Severity::Temporary | Severity::Permanent, .. }
            | Self::Crowded
            | Self::SinkFailed
            | Self::Late => Scope::One,
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused { phase, reply } => refused(phase, reply),
            Failure::Unsupported { phase: Phase::Login } => Self::LoginRefused,
            // No STARTTLS.
            Failure::Unsupported { .. } => Self::TlsFailed(TlsTrouble::PlainPort),
            Failure::Handshake { trouble } => Self::TlsFailed(trouble),
            Failure::NoLogin { trouble } => Self::NoLogin(trouble),
            Failure::Crowded => Self::Crowded,
            Failure::SinkFailed => Self::SinkFailed,
            Failure::Late => Self::Late,
            Failure::TimedOut { phase } => lost(phase, Self::TimedOut),
            Failure::Broken { phase } => lost(phase, Self::ConnectionLost),
            Failure::OutOfStep { phase, .. } => lost(phase, Self::OutOfStep),
        }
    }
}

/// While the session is opened, the step says more than how it failed.
fn lost(phase: Phase, after_opening: Fault) -> Fault {
    match phase {
        Phase::Lookup => Fault::HostNotFound,
        Phase::Connect | Phase::Greeting => Fault::Unreachable,
        Phase::Tls => Fault::TlsFailed(TlsTrouble::Handshake),
        Phase::Login => Fault::LoginInterrupted,
        Phase::Mail | Phase::Rcpt | Phase::Data | Phase::Accept => after_opening,
    }
}

fn refused(phase: Phase, reply: Reply) -> Fault {
    let part = match (phase, reply.code) {
        // The relay requires a login, or another one (RFC 4954).
        (_, 530 | 534 | 535 | 538) | (Phase::Login, 500..) => return Fault::LoginRefused,
        (Phase::Tls, _) => return Fault::TlsFailed(TlsTrouble::Handshake),
        (Phase::Lookup | Phase::Connect | Phase::Greeting | Phase::Login, ..500) => {
            return Fault::SessionDeferred;
        }
        (Phase::Lookup | Phase::Connect | Phase::Greeting, _) => return Fault::ClientRejected,
        (Phase::Mail, _) => Part::Sender,
        _ if reply.concerns_sender => return Fault::SenderRefusedLate { reply },
        (Phase::Rcpt, _) => Part::Recipient,
        (Phase::Data | Phase::Accept, _) => Part::Message,
    };
    Fault::Refused { part, severity: severity(reply), reply }
}

fn severity(reply: Reply) -> Severity {
    match reply.code {
        421 => Severity::Closing,
        ..500 => Severity::Temporary,
        500 | 502 | 503 => Severity::Protocol,
        _ => Severity::Permanent,
    }
}
