//! Reads a mail event, in clear or sealed.

use ping_contract::{
    address::EmailAddress,
    event::{EventError, EventId, MailEvent},
};
use sealed_mail::{Contents, OpenError, SealedEvent};

use crate::{open_keys::OpenKeys, queue::Received};

/// Reads events.
#[derive(Debug, Clone)]
pub struct EventReader {
    /// Domains without a dot that events of other publishers may be mailed to.
    pub local_domains: Vec<String>,
    /// Opens sealed events.
    pub keys: OpenKeys,
}

/// What a message asks for.
pub enum Event {
    /// A mail whose words are in the event: of version 1, or of another publisher.
    Clear(Box<MailEvent>),
    /// A code, which is still to be put into words.
    Code(CodeEvent),
}

/// A code that was sealed.
pub struct CodeEvent {
    /// The event's id.
    pub id: EventId,
    /// Code and recipient.
    pub contents: Contents,
}

/// Why no mail can be made of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl EventReader {
    /// Reads one message. The id of a sealed event is known before it is opened: see [`sealed_id`].
    pub fn read(&self, received: &Received<'_>) -> Result<Event, ReadError> {
        let Some(sealed) = SealedEvent::parse(received.body)? else {
            let event = MailEvent::parse_with_local(received.body, &self.local_domains)?;
            return Ok(Event::Clear(Box::new(event)));
        };
        // Without the moment that it was bound to, nothing shows that the event is as it was sealed.
        let expires_at_ms = received.expires_at_ms.ok_or(OpenError::Tampered)?;
        let contents = self.keys.open(&sealed, expires_at_ms)?;
        Ok(Event::Code(CodeEvent { id: sealed.id, contents }))
    }
}

/// The id of a sealed event that may not be opened.
#[must_use]
pub fn sealed_id(body: &[u8]) -> Option<EventId> {
    SealedEvent::parse(body).ok().flatten().map(|event| event.id)
}

impl Event {
    /// The event's id; none in one of another publisher.
    #[must_use]
    pub fn id(&self) -> Option<&EventId> {
        match self {
            Self::Clear(event) => event.id.as_ref(),
            Self::Code(event) => Some(&event.id),
        }
    }

    /// The recipient, or the first of several.
    #[must_use]
    pub fn to(&self) -> &EmailAddress {
        match self {
            Self::Clear(event) => &event.to,
            Self::Code(event) => &event.contents.to,
        }
    }

    /// How many recipients cannot be mailed to.
    #[must_use]
    pub fn unusable_recipients(&self) -> usize {
        match self {
            Self::Clear(event) => event.unusable_recipients,
            Self::Code(_) => 0,
        }
    }
}
