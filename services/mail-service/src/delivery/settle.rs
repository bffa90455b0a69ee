//! What an outcome means for the message: ack, retry tier, parking queue, or back. The broker confirms the copy
//! before the original is acked, so that a crash in between doubles a message and never loses one.

use std::time::Duration;

use ping_contract::{
    locale::Wishes,
    topology::{PARKING_QUEUE, RetryTier},
};
use service_kit::{backoff::pause, shutdown::Shutdown, telemetry::chain};
use tokio::time::Instant;

use super::{
    handler::Facts,
    metrics::MailMetrics,
    outcome::{Outcome, RejectReason},
    park::{ParkedNote, Subject},
    retry::{NextTry, PauseReason, RetryReason, next_try},
    spans::trace_parent,
};
use crate::queue::{Incoming, Outbox, OutgoingMessage};

/// How long a message that could not be published waits before it goes back: it comes again at once.
const RETURN_AFTER: Duration = Duration::from_secs(5);

pub enum Ended<I> {
    /// A mail went out.
    Delivered,
    /// The message was settled otherwise.
    Settled,
    /// Nothing can be handled now; the message is still to go back.
    Trouble(PauseReason, I),
}

/// Where a message waits for its next try, and why.
struct Retry {
    tier: RetryTier,
    reason: RetryReason,
}

pub struct Settler<O> {
    /// Where retries and notes go.
    pub outbox: O,
    pub metrics: MailMetrics,
    /// Ends waits.
    pub shutdown: Shutdown,
}

impl<O: Outbox> Settler<O> {
    /// Does what the outcome says.
    pub async fn settle<I: Incoming>(&self, item: I, outcome: Outcome, facts: &Facts) -> Ended<I> {
        match outcome {
            Outcome::Delivered => {
                item.ack().await;
                return Ended::Delivered;
            }
            Outcome::Expired => item.ack().await,
            Outcome::Reject(reason) => self.park(item, reason, facts).await,
            Outcome::Pause(reason) => return Ended::Trouble(reason, item),
            Outcome::Retry(reason) => {
                let left = facts.expires.saturating_duration_since(Instant::now());
                match next_try(reason, item.received().attempt, left, facts.id.is_some()) {
                    NextTry::After(tier) => self.retry(item, Retry { tier, reason }, facts).await,
                    // Nobody waits for it, and a parked note would be taken for a user's mail.
                    NextTry::GiveUp if reason == RetryReason::SinkFailed => item.ack().await,
                    NextTry::GiveUp => self.park(item, RejectReason::GaveUp(reason), facts).await,
                }
            }
        }
        Ended::Settled
    }

    async fn retry<I: Incoming>(&self, item: I, Retry { tier, reason }: Retry, facts: &Facts) {
        let received = item.received();
        let message = OutgoingMessage {
            queue: tier.queue_name(),
            message_id: facts.root.to_string(),
            body: received.body.to_vec(),
            attempt: Some(received.attempt.saturating_add(1)),
            expires_at_ms: facts.expires_at_ms,
            issued_at_ms: facts.issued_at_ms,
            wishes: received.locales.map(Wishes::parse).unwrap_or_default(),
            trace_parent: trace_parent(&received),
        };
        match self.outbox.publish(message).await {
            Ok(()) => {
                self.metrics.retried(tier.queue_name(), reason);
                item.ack().await;
            }
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    queue = tier.queue_name(),
                    "retry not confirmed, message goes back"
                );
                // Shutting down ends the wait: the message goes back all the same.
                let _ = pause(RETURN_AFTER, &self.shutdown).await;
                item.requeue().await;
            }
        }
    }

    /// If the parking queue is missing or full, the message takes another turn: it is kept until its code is dead.
    async fn park<I: Incoming>(&self, item: I, reason: RejectReason, facts: &Facts) {
        let subject = Subject {
            id: facts.id.as_ref(),
            to: facts.to.as_ref(),
            failure: facts.failure.as_ref(),
            attempt: item.received().attempt,
        };
        let message = OutgoingMessage {
            queue: PARKING_QUEUE,
            message_id: facts.root.to_string(),
            body: ParkedNote::new(reason, &subject).to_json(),
            attempt: None,
            expires_at_ms: None,
            issued_at_ms: None,
            wishes: Wishes::default(),
            trace_parent: trace_parent(&item.received()),
        };
        match self.outbox.publish(message).await {
            Ok(()) => {
                self.metrics.parked(reason);
                item.ack().await;
            }
            Err(error) => {
                tracing::error!(
                    error = chain(&error),
                    reason = reason.label(),
                    "parking not confirmed, message is kept"
                );
                self.retry(
                    item,
                    Retry { tier: RetryTier::Seconds45, reason: RetryReason::ParkingRefused },
                    facts,
                )
                .await;
            }
        }
    }
}
