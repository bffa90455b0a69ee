//! The steps of an SMTP session, and how long each may take.
//!
//! lettre 0.11 bounds the TCP connect only: a server that falls silent later holds its `send` for ever (measured).
//! Here every wait has a deadline of its own, and a mail as a whole has one.

use std::{fmt, time::Duration};

use tokio::time::Instant;

/// A step of a session; its name is what logs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Looking the host name up.
    Lookup,
    /// TCP.
    Connect,
    /// The TLS handshake, with STARTTLS before it and EHLO after it where that is used.
    Tls,
    /// The server's greeting and EHLO.
    Greeting,
    /// AUTH.
    Login,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The message, the final dot, and the reply that takes responsibility for the mail.
    Accept,
}

impl Phase {
    /// Whether the session was still being opened: nothing was said about any mail.
    #[must_use]
    pub fn is_opening(self) -> bool {
        self < Self::Mail
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lookup => "lookup",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Greeting => "greeting",
            Self::Login => "login",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Accept => "accept",
        })
    }
}

/// How long each step may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// [`Phase::Lookup`] and [`Phase::Connect`], all addresses of the name together.
    pub connect: Duration,
    /// Each reply from [`Phase::Tls`] to [`Phase::Data`].
    pub command: Duration,
    /// [`Phase::Accept`]. RFC 5321 (4.5.3.2.6) wants 10 minutes; a code would be dead by then.
    pub accept: Duration,
    /// One mail, a fresh session included.
    pub total: Duration,
}

impl Deadlines {
    /// The deadline of one phase.
    #[must_use]
    pub fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Lookup | Phase::Connect => self.connect,
            Phase::Accept => self.accept,
            Phase::Tls | Phase::Greeting | Phase::Login | Phase::Mail | Phase::Rcpt | Phase::Data => {
                self.command
            }
        }
    }
}

/// Until when one mail may be worked on.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The end of [`Deadlines::total`].
    pub until: Instant,
    /// The moment the mail's code dies: the message must not be handed over after it.
    pub expires: Instant,
}

impl Window {
    /// When a wait in `phase` that starts now must end.
    #[must_use]
    pub fn end_of(&self, phase: Phase, limit: Duration) -> Instant {
        let end = self.until.min(Instant::now() + limit);
        // Once the message is written the server may have it: expiry no longer cuts the wait for its word.
        if phase == Phase::Accept { end } else { end.min(self.expires) }
    }

    /// Whether the code is dead.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        Instant::now() >= self.expires
    }
}
