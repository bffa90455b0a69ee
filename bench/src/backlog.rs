//! Fills the queue with mail events, as fast as the broker confirms them.

use anyhow::{Result, ensure};
use lapin::{
    BasicProperties, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use ping_contract::{
    address::EmailAddress,
    event::{EXPIRES_AT_HEADER, EventId, MailEvent},
    topology::{MAIL_EXCHANGE, MAIL_QUEUE},
};

use crate::servers::Servers;

/// Events under way at once. One task publishes on one channel, so their delivery tags are in order.
const BATCH: u64 = 500;

/// Publishes the events 0 to `count`, each confirmed.
pub(crate) async fn fill(servers: &Servers, count: u64) -> Result<()> {
    servers.channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let expires_at_ms = servers.expiry_ms().await?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut n = 0;
    while n < count {
        let mut confirms = Vec::new();
        for n in n..count.min(n + BATCH) {
            let (body, properties) = event(n, expires_at_ms)?;
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

fn event(n: u64, expires_at_ms: i64) -> Result<(Vec<u8>, BasicProperties)> {
    let id = EventId::from_bytes(u128::from(n).to_be_bytes());
    let address = EmailAddress::parse(&recipient(n))?;
    let mut headers = FieldTable::default();
    headers.insert(EXPIRES_AT_HEADER.into(), AMQPValue::LongLongInt(expires_at_ms));
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(id.as_str().into())
        .with_headers(headers);
    Ok((MailEvent::sign_in_code(id, address, "123456", 5).to_json(), properties))
}

#[cfg(test)]
mod tests {
    use ping_contract::event::MailEvent;

    use super::{event, number, recipient};

    #[test]
    fn an_event_is_one_that_mail_service_reads() {
        let (body, _) = event(7, 0).unwrap();
        assert_eq!(MailEvent::parse(&body).unwrap().to.as_str(), recipient(7));
    }

    #[test]
    fn a_recipient_tells_its_number() {
        assert_eq!(number(&recipient(123_456)), Some(123_456));
        assert_eq!((number("u7@load.example.org"), number("mx@load.example.org")), (None, None));
    }
}
