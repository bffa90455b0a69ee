//! Handing a mail event over to the broker. `Ok` means that the broker has confirmed it.

mod rabbitmq;

use futures::future::BoxFuture;
use ping_contract::{event::EventId, locale::Wishes};
use traces::TraceParent;

pub use rabbitmq::RabbitMq;

/// One mail event, ready to go out.
#[derive(Debug)]
pub struct OutgoingMail {
    /// The message id.
    pub id: EventId,
    /// The JSON. Holds the code: never logged.
    pub body: Vec<u8>,
    /// When the code was made: Unix milliseconds on Redis' clock.
    pub issued_at_ms: i64,
    /// After this moment it must not be mailed: Unix milliseconds on Redis' clock.
    pub expires_at_ms: i64,
    /// The languages that the user would like.
    pub wishes: Wishes,
    /// The trace that the request came with, if any.
    pub trace_parent: Option<TraceParent>,
}

/// Why there is no confirm.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Nothing can have been queued.
    #[error("the broker did not take the mail event")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The mail may still go out.
    #[error("the broker did not say whether it has the mail event")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A publisher: the broker, or one of a test.
pub trait MailPublisher: Send + Sync + 'static {
    /// Publishes, and waits for the confirm, at most as long as its configuration says.
    fn publish(&self, mail: OutgoingMail) -> BoxFuture<'_, Result<(), PublishError>>;
}
