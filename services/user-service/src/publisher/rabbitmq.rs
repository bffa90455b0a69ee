//! The broker as a publisher of mail events.

use amqp::{Message, Publisher};
use futures::future::{BoxFuture, FutureExt as _};
use ping_contract::{
    event::EXPIRES_AT_HEADER,
    topology::{MAIL_EXCHANGE, MAIL_QUEUE},
};

use super::{MailPublisher, OutgoingMail, PublishError};

/// Publishes to [`MAIL_EXCHANGE`], which is bound to `send-otp`.
#[derive(Debug, Clone)]
pub struct RabbitMq(Publisher);

impl RabbitMq {
    /// Over a publisher that its own supervisor keeps connected.
    #[must_use]
    pub fn new(publisher: Publisher) -> Self {
        Self(publisher)
    }
}

impl MailPublisher for RabbitMq {
    fn publish(&self, mail: OutgoingMail) -> BoxFuture<'_, Result<(), PublishError>> {
        let message = Message {
            exchange: MAIL_EXCHANGE,
            routing_key: MAIL_QUEUE.to_owned(),
            message_id: mail.id.to_string(),
            body: mail.body,
            headers: vec![(EXPIRES_AT_HEADER, mail.expires_at_ms.into())],
        };
        async {
            self.0.publish(message).await.map_err(|error| match error {
                amqp::PublishError::Refused(refusal) => PublishError::Refused(Box::new(refusal)),
                amqp::PublishError::Unknown(doubt) => PublishError::Unknown(Box::new(doubt)),
            })
        }
        .boxed()
    }
}
