//! Fills the queue with mail events, as fast as the broker confirms them.

use anyhow::{Result, ensure};
use lapin::{
    BasicProperties, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use ping_contract::{
    address::EmailAddress,
    event::{EXPIRES_AT_HEADER, EventId, MailEvent, PURPOSE_SIGN_IN},
    topology::{MAIL_EXCHANGE, MAIL_QUEUE},
};
use sealed_mail::{Binding, Contents, Sealer};

use crate::servers::Servers;

/// The code in every event.
const CODE: &str = "123456";

/// Events under way at once. One task publishes on one channel, so their delivery tags are in order.
const BATCH: u64 = 500;

/// What events look like.
pub(crate) enum Form {
    /// The original's words.
    Clear,
    /// A code that only the key's owner reads.
    Sealed(Box<Sealer>),
}

/// Publishes the events 0 to `count`, each confirmed.
pub(crate) async fn fill(servers: &Servers, count: u64, form: &Form) -> Result<()> {
    servers.channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let expires_at_ms = servers.expiry_ms().await?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut n = 0;
    while n < count {
        let mut confirms = Vec::new();
        for n in n..count.min(n + BATCH) {
            let event = Event { number: n, expires_at_ms };
            let (body, properties) = (event.body(form)?, event.properties());
            let exchange = MAIL_EXCHANGE.into();
            let key = MAIL_QUEUE.into();
            confirms.push(servers.channel.basic_publish(exchange, key, options, &body, properties).await?);
        }
        n += confirms.len() as u64;
        for confirm in confirms {
            ensure!(matches!(confirm.await?, Confirmation::Ack(None)), "the broker did not take an event");
        }
    }
    Ok(())
}

/// The recipient of an event, and back.
pub(crate) fn recipient(n: u64) -> String {
    format!("m{n}@load.example.org")
}

/// The number of an event's recipient.
pub(crate) fn number(recipient: &str) -> Option<u64> {
    recipient.strip_prefix('m')?.split('@').next()?.parse().ok()
}

struct Event {
    number: u64,
    expires_at_ms: i64,
}

impl Event {
    fn id(&self) -> EventId {
        EventId::from_bytes(u128::from(self.number).to_be_bytes())
    }

    fn body(&self, form: &Form) -> Result<Vec<u8>> {
        let (id, to) = (self.id(), EmailAddress::parse(&recipient(self.number))?);
        let sealer = match form {
            Form::Clear => return Ok(MailEvent::sign_in_code(id, to, CODE, 5).to_json()),
            Form::Sealed(sealer) => sealer,
        };
        let binding = Binding { id: &id, purpose: PURPOSE_SIGN_IN, expires_at_ms: self.expires_at_ms };
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.number.to_be_bytes());
        let contents = Contents { to, code: CODE.to_owned(), ttl_seconds: 300 };
        Ok(sealer.seal(binding, &contents, nonce)?)
    }

    fn properties(&self) -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert(EXPIRES_AT_HEADER.into(), AMQPValue::LongLongInt(self.expires_at_ms));
        BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id(self.id().as_str().into())
            .with_headers(headers)
    }
}

#[cfg(test)]
mod tests {
    use ping_contract::event::MailEvent;
    use sealed_mail::{Opener, PrivateKey, SealedEvent, Sealer};

    use super::{Event, Form, number, recipient};

    #[test]
    fn an_event_is_one_that_mail_service_reads() {
        let event = Event { number: 7, expires_at_ms: 1 };
        let body = event.body(&Form::Clear).unwrap();
        assert_eq!(MailEvent::parse(&body).unwrap().to.as_str(), recipient(7));
        let key = PrivateKey::from_random([7; 32]).unwrap();
        let sealer = Sealer::new(&key.public_key(), &mut rand::rng()).unwrap();
        let read =
            SealedEvent::parse(&event.body(&Form::Sealed(Box::new(sealer))).unwrap()).unwrap().unwrap();
        assert_eq!(Opener::new([key]).open(&read, 1).unwrap().to.as_str(), recipient(7));
    }

    #[test]
    fn a_recipient_tells_its_number() {
        assert_eq!(number(&recipient(123_456)), Some(123_456));
        assert_eq!((number("u7@load.example.org"), number("mx@load.example.org")), (None, None));
    }
}
