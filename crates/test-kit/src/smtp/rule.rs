//! How the mail server misbehaves: when, towards whom, how often.

use std::time::Duration;

/// The moment in a session when the server is about to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The connection was taken, the greeting comes next.
    Connect,
    /// `EHLO` or `HELO`.
    Hello,
    StartTls,
    /// Credentials came.
    Auth,
    MailFrom,
    /// `RCPT TO`; the recipient is this one.
    RcptTo,
    /// `DATA`, to which the answer is 354.
    Data,
    /// The final dot; the message has come.
    DataEnd,
    Noop,
    /// `RSET`.
    Reset,
    Quit,
}

/// What the server does instead of its duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Answers with this line, as in `451 4.7.1 try later`, and goes on; after 421 it closes the connection. Any octets.
    Reply(Vec<u8>),
    /// Says nothing more; the connection stays open.
    Silence,
    /// Gives its usual answer one byte at a time, with this pause after each.
    Drip(Duration),
    /// Gives its usual answer after this time.
    Delay(Duration),
    /// Closes the connection without an answer. At [`Phase::DataEnd`] the message is recorded as unanswered.
    Close,
}

/// One rule of the script. Of all that fit a moment, the first added is followed.
#[derive(Debug, Clone)]
pub struct Rule {
    phase: Phase,
    pub(super) action: Action,
    recipient: Option<String>,
    connection: Option<u64>,
    left: Option<usize>,
}

impl Rule {
    /// Does `action` at `phase`, always, towards all.
    #[must_use]
    pub fn new(phase: Phase, action: Action) -> Self {
        Self { phase, action, recipient: None, connection: None, left: None }
    }

    /// Answers with `reply`.
    #[must_use]
    pub fn reply(phase: Phase, reply: impl AsRef<[u8]>) -> Self {
        Self::new(phase, Action::Reply(reply.as_ref().to_vec()))
    }

    /// Takes the message and closes the connection before the 250: the sender cannot know that it arrived.
    #[must_use]
    pub fn record_and_close() -> Self {
        Self::new(Phase::DataEnd, Action::Close)
    }

    /// Only for messages to this address: at [`Phase::RcptTo`], and later when it is among the accepted ones.
    #[must_use]
    pub fn to_recipient(mut self, address: &str) -> Self {
        self.recipient = Some(address.to_owned());
        self
    }

    /// Only on this connection, counted from 1.
    #[must_use]
    pub fn on_connection(mut self, number: u64) -> Self {
        self.connection = Some(number);
        self
    }

    /// Only so often, then never more.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.left = Some(times);
        self
    }

    /// Does the rule fit this moment? It is then used up by one.
    pub(super) fn applies(&mut self, phase: Phase, connection: u64, recipients: &[String]) -> bool {
        let fits = self.phase == phase
            && self.left != Some(0)
            && self.connection.is_none_or(|number| number == connection)
            && self.recipient.as_ref().is_none_or(|address| recipients.contains(address));
        if fits {
            self.left = self.left.map(|left| left - 1);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fits_its_phase_connection_and_recipient_and_so_often() {
        let to = ["ada@example.org".to_owned()];
        let mut rule = Rule::reply(Phase::RcptTo, "550 no").to_recipient(&to[0]).on_connection(2).times(2);
        assert!(!rule.applies(Phase::Data, 2, &to), "another phase");
        assert!(!rule.applies(Phase::RcptTo, 1, &to), "another connection");
        assert!(!rule.applies(Phase::RcptTo, 2, &[]), "another recipient");
        assert_eq!([(); 3].map(|()| rule.applies(Phase::RcptTo, 2, &to)), [true, true, false]);
    }
}
