//! The note that stands for a parked message: why it was not mailed, without anything that was secret in it.

use ping_contract::{address::EmailAddress, event::EventId};
use serde::Serialize;

use super::outcome::RejectReason;
use crate::smtp::Failure;

/// What is published to `send-otp.dead`. No subject and no body: the code is in them.
#[derive(Debug, Serialize)]
pub struct ParkedNote<'a> {
    v: u8,
    /// The event's id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// [`RejectReason::label`].
    reason: &'static str,
    /// The last failure's label, when the reason is that we gave up.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'static str>,
    /// Reply code and enhanced status; never the server's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    smtp: Option<String>,
    /// The step of the dialogue that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    /// The recipient, masked: `a***@example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// The attempt that was the last, from 1.
    attempt: u32,
}

/// What is known of a message that is parked.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub id: Option<&'a EventId>,
    /// The recipient.
    pub to: Option<&'a EmailAddress>,
    /// What the mail server did.
    pub failure: Option<&'a Failure>,
    pub attempt: u32,
}

impl<'a> ParkedNote<'a> {
    /// The note about one message.
    #[must_use]
    pub fn new(reason: RejectReason, subject: &Subject<'a>) -> Self {
        Self {
            v: 1,
            id: subject.id.map(EventId::as_str),
            reason: reason.label(),
            after: if let RejectReason::GaveUp(last) = reason { Some(last.label()) } else { None },
            smtp: subject.failure.and_then(Failure::reply).map(|reply| reply.to_string()),
            phase: subject.failure.and_then(Failure::phase).map(|phase| phase.to_string()),
            to: subject.to.map(ToString::to_string),
            attempt: subject.attempt,
        }
    }

    /// The note as it is published.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default() // cannot fail: texts and numbers
    }
}

#[cfg(test)]
mod tests {
    use ping_contract::{address::EmailAddress, event::EventId};

    use super::{ParkedNote, Subject};
    use crate::{
        delivery::{outcome::RejectReason, retry::RetryReason},
        smtp::{Failure, Reply, phase::Phase},
    };

    #[test]
    fn a_note_says_why_and_masks_whom() {
        let id = EventId::from_bytes([1; 16]);
        let to = EmailAddress::parse("ada@example.org").unwrap();
        let reply = Reply { enhanced: Some((5, 1, 1)), ..Reply::new(550) };
        let failure = Failure::Refused { phase: Phase::Rcpt, reply };
        let subject = Subject { id: Some(&id), to: Some(&to), failure: Some(&failure), attempt: 2 };
        let note =
            String::from_utf8(ParkedNote::new(RejectReason::Refused(reply), &subject).to_json()).unwrap();
        assert_eq!(
            note,
            format!(
                r#"{{"v":1,"id":"{id}","reason":"refused","smtp":"550 5.1.1","phase":"rcpt","to":"a***@example.org","attempt":2}}"#
            )
        );
    }

    #[test]
    fn an_unknown_message_has_a_note_too() {
        let subject = Subject { id: None, to: None, failure: None, attempt: 1 };
        let note = ParkedNote::new(RejectReason::GaveUp(RetryReason::Deferred), &subject).to_json();
        assert_eq!(note, br#"{"v":1,"reason":"gave_up","after":"deferred","attempt":1}"#);
    }
}
