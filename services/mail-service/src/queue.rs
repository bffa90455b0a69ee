//! The queue as the consumer sees it: three small traits, so that what is done with a message is tested without a
//! broker. Their real side is in [`rabbitmq`].

pub mod rabbitmq;

use std::future::Future;

use ping_contract::locale::Wishes;
use traces::TraceParent;

/// Where messages come from.
pub trait Source: Send + 'static {
    /// One message.
    type Item: Incoming;

    /// The next message; none when the process shuts down. May be dropped while waiting without losing a message.
    /// While paused it gives back what still comes in, and waits.
    fn next(&mut self) -> impl Future<Output = Option<Self::Item>> + Send;

    /// Takes no more from the queue, which keeps the messages; returns when that is so.
    fn pause(&mut self, reason: &'static str) -> impl Future<Output = ()> + Send;

    /// Takes messages again.
    fn resume(&mut self) -> impl Future<Output = ()> + Send;
}

/// One message, to be settled once. Dropping it unsettled gives it back.
pub trait Incoming: Send + Sync + 'static {
    fn received(&self) -> Received<'_>;

    /// It is done with. An ack that is lost means a redelivery, which `mail:sent` recognises.
    fn ack(self) -> impl Future<Output = ()> + Send;

    /// It goes back to the queue as it is.
    fn requeue(self) -> impl Future<Output = ()> + Send;
}

/// A message as it was received.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The event's bytes.
    pub body: &'a [u8],
    /// The AMQP `message_id`.
    pub message_id: Option<&'a str>,
    /// The header `x-ping-expires-at`.
    pub expires_at_ms: Option<i64>,
    /// The header `x-ping-issued-at`, in Unix milliseconds.
    pub issued_at_ms: Option<i64>,
    /// The AMQP `timestamp`, in Unix milliseconds: when its publisher says that it published the message.
    pub published_at_ms: Option<i64>,
    /// The header `x-ping-locales`.
    pub locales: Option<&'a str>,
    /// The header `x-ping-attempt`, from 1.
    pub attempt: u32,
    /// The header `x-delivery-count`.
    pub delivery_count: u64,
    /// The header `traceparent`.
    pub trace_parent: Option<TraceParent>,
}

/// A message to be published to a retry tier or to the parking queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The queue's name, the routing key of the retry exchange.
    pub queue: &'static str,
    /// The AMQP `message_id`.
    pub message_id: String,
    /// The event, or the note about it.
    pub body: Vec<u8>,
    /// The header `x-ping-attempt`.
    pub attempt: Option<u32>,
    /// The header `x-ping-expires-at`.
    pub expires_at_ms: Option<i64>,
    /// The header `x-ping-issued-at`.
    pub issued_at_ms: Option<i64>,
    /// The header `x-ping-locales`.
    pub wishes: Wishes,
    /// The header `traceparent`.
    pub trace_parent: Option<TraceParent>,
}

/// Where messages go.
pub trait Outbox: Send + Sync + 'static {
    /// Publishes; `Ok` = the broker has confirmed that it is on disk in a queue.
    fn publish(&self, message: OutgoingMessage) -> impl Future<Output = Result<(), NotPublished>> + Send;
}

/// The broker did not take the message, or did not say so.
#[derive(Debug, thiserror::Error)]
#[error("the broker did not confirm the message")]
pub struct NotPublished(#[source] pub Box<dyn std::error::Error + Send + Sync>);
