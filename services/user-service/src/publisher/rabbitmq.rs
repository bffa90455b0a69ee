//! The broker as a publisher of mail events.

use amqp::{HeaderValue, Message, Publisher};
use futures::future::{BoxFuture, FutureExt as _};
use ping_contract::{
    event::{EXPIRES_AT_HEADER, ISSUED_AT_HEADER, LOCALES_HEADER},
    topology::{MAIL_EXCHANGE, MAIL_QUEUE},
};
use traces::TRACE_PARENT;
use tracing::{Instrument as _, Span, field::Empty};

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
        let span = producer_span(&mail);
        let mut headers = headers(&mail);
        if let Some(parent) = traces::trace_parent_of(&span).or(mail.trace_parent) {
            headers.push((TRACE_PARENT, parent.to_string().as_str().into()));
        }
        let message = Message {
            exchange: MAIL_EXCHANGE,
            routing_key: MAIL_QUEUE.to_owned(),
            message_id: mail.id.to_string(),
            body: mail.body,
            headers,
        };
        let published = self.0.publish(message).instrument(span.clone());
        async move {
            published.await.map_err(|error| {
                span.record("otel.status_code", "ERROR");
                match error {
                    amqp::PublishError::Refused(refusal) => PublishError::Refused(Box::new(refusal)),
                    amqp::PublishError::Unknown(doubt) => PublishError::Unknown(Box::new(doubt)),
                }
            })
        }
        .boxed()
    }
}

/// What the JSON does not hold, because the original's readers would not know it.
fn headers(mail: &OutgoingMail) -> Vec<(&'static str, HeaderValue)> {
    let mut headers =
        vec![(EXPIRES_AT_HEADER, mail.expires_at_ms.into()), (ISSUED_AT_HEADER, mail.issued_at_ms.into())];
    if !mail.wishes.is_empty() {
        headers.push((LOCALES_HEADER, HeaderValue::Text(mail.wishes.to_string())));
    }
    headers
}

/// The event's id is all that it tells of the mail.
fn producer_span(mail: &OutgoingMail) -> Span {
    tracing::debug_span!(
        "publish",
        otel.kind = "producer",
        otel.name = "send send-otp",
        otel.status_code = Empty,
        messaging.system = "rabbitmq",
        messaging.operation.name = "send",
        messaging.operation.type = "send",
        messaging.destination.name = MAIL_EXCHANGE,
        messaging.rabbitmq.destination.routing_key = MAIL_QUEUE,
        messaging.message.id = mail.id.as_str(),
    )
}

#[cfg(test)]
mod tests {
    use ping_contract::{
        event::{EXPIRES_AT_HEADER, EventId, ISSUED_AT_HEADER, LOCALES_HEADER},
        locale::Wishes,
    };

    use super::headers;
    use crate::publisher::OutgoingMail;

    #[test]
    fn a_mail_event_travels_with_its_times_and_wishes_beside_it() {
        let with = |list: &str| {
            let id = EventId::from_bytes([7; 16]);
            let (issued_at_ms, expires_at_ms) = (1_700_000_000_000, 1_700_000_300_000);
            let wishes = Wishes::parse(list);
            headers(&OutgoingMail {
                id,
                body: vec![],
                issued_at_ms,
                expires_at_ms,
                wishes,
                trace_parent: None,
            })
        };
        let times = [
            (EXPIRES_AT_HEADER, 1_700_000_300_000_i64.into()),
            (ISSUED_AT_HEADER, 1_700_000_000_000_i64.into()),
        ];
        assert_eq!(with(""), times);
        let wishes = (LOCALES_HEADER, "de-AT,de".into());
        assert_eq!(with("de-AT,de"), [&times[..], &[wishes]].concat());
    }
}
