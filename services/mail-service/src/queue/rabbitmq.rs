//! The three traits over the supervised connections of the broker crate.

use std::time::Duration;

use amqp::{Consumer, ConsumerState, Delivery, HeaderValue, Message, Publisher};
use ping_contract::{
    event::{ATTEMPT_HEADER, EXPIRES_AT_HEADER, ISSUED_AT_HEADER, LOCALES_HEADER},
    topology::RETRY_EXCHANGE,
};
use tokio::time::timeout;
use traces::{TRACE_PARENT, TraceParent};

use super::{Incoming, NotPublished, Outbox, OutgoingMessage, Received, Source};

/// How long the broker may take to end a subscription.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);

impl Source for Consumer {
    type Item = Delivery;

    async fn next(&mut self) -> Option<Delivery> {
        Self::next(self).await
    }

    async fn pause(&mut self, reason: &'static str) {
        Self::pause(self, reason);
        // Until the subscription has ended, what goes back would come again at once.
        let mut state = self.subscribe_state();
        let _ = timeout(CANCEL_WITHIN, state.wait_for(|state| *state != ConsumerState::Consuming)).await;
    }

    async fn resume(&mut self) {
        Self::resume(self);
    }
}

impl Incoming for Delivery {
    fn received(&self) -> Received<'_> {
        let attempt = self.int_header(ATTEMPT_HEADER).and_then(|n| u32::try_from(n).ok());
        Received {
            body: &self.body,
            message_id: self.message_id.as_deref(),
            expires_at_ms: self.int_header(EXPIRES_AT_HEADER),
            issued_at_ms: self.int_header(ISSUED_AT_HEADER),
            published_at_ms: self
                .timestamp
                .and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1000)),
            locales: self.text_header(LOCALES_HEADER),
            attempt: attempt.unwrap_or(1).max(1),
            delivery_count: self.delivery_count(),
            trace_parent: self.text_header(TRACE_PARENT).and_then(TraceParent::parse),
        }
    }

    async fn ack(self) {
        // Lost with its connection, it is delivered again: `mail:sent` recognises it.
        let _ = Self::ack(self).await;
    }

    async fn requeue(self) {
        // Lost with its connection, it has gone back by itself.
        let _ = Self::requeue(self).await;
    }
}

impl Outbox for Publisher {
    async fn publish(&self, message: OutgoingMessage) -> Result<(), NotPublished> {
        let attempt = message.attempt.map(|n| i32::try_from(n).unwrap_or(i32::MAX));
        let wishes = Some(message.wishes).filter(|wishes| !wishes.is_empty());
        let headers = [
            attempt.map(|n| (ATTEMPT_HEADER, HeaderValue::I32(n))),
            message.expires_at_ms.map(|ms| (EXPIRES_AT_HEADER, HeaderValue::I64(ms))),
            message.issued_at_ms.map(|ms| (ISSUED_AT_HEADER, HeaderValue::I64(ms))),
            wishes.map(|wishes| (LOCALES_HEADER, HeaderValue::Text(wishes.to_string()))),
            message.trace_parent.map(|parent| (TRACE_PARENT, HeaderValue::Text(parent.to_string()))),
        ];
        let message = Message {
            exchange: RETRY_EXCHANGE,
            routing_key: message.queue.to_owned(),
            message_id: message.message_id,
            body: message.body,
            headers: headers.into_iter().flatten().collect(),
        };
        Self::publish(self, message).await.map_err(|error| NotPublished(Box::new(error)))
    }
}
