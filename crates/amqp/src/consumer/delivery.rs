//! One delivery, until it is settled.

use futures::FutureExt as _;
use lapin::{
    Acker,
    options::{BasicAckOptions, BasicNackOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::{connection::DEADLINE, message::PERSISTENT};

/// How often it was handed out before and came back as failed; absent on a first delivery.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// How often it was handed out before, for whatever reason it came back; 4.3 and newer.
const ACQUIRED_COUNT: &str = "x-acquired-count";

/// A message that is ours until it is settled. Dropped before that, it goes back to the queue.
#[derive(Debug)]
pub struct Delivery {
    /// What the publisher sent.
    pub body: Vec<u8>,
    /// The publisher's id, if it gave one.
    pub message_id: Option<String>,
    /// When the publisher says that it published it: Unix seconds.
    pub timestamp: Option<u64>,
    /// Whether the broker has delivered it before, to us or to somebody else.
    pub redelivered: bool,
    persistent: bool,
    headers: Option<FieldTable>,
    acker: Acker,
    settled: bool,
    /// Keeps the connection open until the delivery is settled.
    _unsettled: TaskTrackerToken,
}

impl Delivery {
    pub(super) fn new(delivery: lapin::message::Delivery, unsettled: TaskTrackerToken) -> Self {
        let lapin::message::Delivery { redelivered, properties, data, acker, .. } = delivery;
        Self {
            body: data,
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            timestamp: *properties.timestamp(),
            redelivered,
            persistent: *properties.delivery_mode() == Some(PERSISTENT),
            headers: properties.headers().clone(),
            acker,
            settled: false,
            _unsettled: unsettled,
        }
    }

    /// Whether it survives a restart of the broker.
    #[must_use]
    pub fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// How often the broker counted a failed delivery of it; 0 the first time.
    #[must_use]
    pub fn delivery_count(&self) -> u64 {
        self.count(DELIVERY_COUNT)
    }

    /// How often it was handed out before; 0 the first time, and always on brokers older than 4.3.
    #[must_use]
    pub fn acquired_count(&self) -> u64 {
        self.count(ACQUIRED_COUNT)
    }

    /// A header's whole number, of whatever width.
    #[must_use]
    pub fn int_header(&self, name: &str) -> Option<i64> {
        match self.header(name)? {
            AMQPValue::ShortShortInt(number) => Some((*number).into()),
            AMQPValue::ShortShortUInt(number) => Some((*number).into()),
            AMQPValue::ShortInt(number) => Some((*number).into()),
            AMQPValue::ShortUInt(number) => Some((*number).into()),
            AMQPValue::LongInt(number) => Some((*number).into()),
            AMQPValue::LongUInt(number) => Some((*number).into()),
            AMQPValue::LongLongInt(number) => Some(*number),
            AMQPValue::Timestamp(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    #[must_use]
    pub fn text_header(&self, name: &str) -> Option<&str> {
        match self.header(name)? {
            AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
            AMQPValue::ShortString(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Done: the queue forgets it. `false` = its connection is gone, and it will be delivered again.
    pub async fn ack(mut self) -> bool {
        self.settled = true;
        settled(self.acker.ack(BasicAckOptions::default())).await
    }

    /// Back to the queue, to be delivered at once to whoever consumes. `false` as for [`Delivery::ack`].
    ///
    /// For what was not worked on: from 4.3 on it is not counted as a failure.
    pub async fn requeue(mut self) -> bool {
        self.settled = true;
        settled(self.acker.nack(requeue())).await
    }

    /// Whether settling it has an effect. `false` once its channel is gone: somebody else has it by now.
    #[must_use]
    pub fn can_be_settled(&self) -> bool {
        self.acker.usable()
    }

    fn count(&self, header: &str) -> u64 {
        self.int_header(header).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
    }

    fn header(&self, name: &str) -> Option<&AMQPValue> {
        self.headers.as_ref()?.inner().get(name)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.settled {
            // lapin queues the frame when first polled; nothing waits for it to be written.
            let _ = self.acker.nack(requeue()).now_or_never();
        }
    }
}

fn requeue() -> BasicNackOptions {
    BasicNackOptions { requeue: true, ..BasicNackOptions::default() }
}

/// Whether the frame was written, within 5 s.
///
/// lapin may never say: a command that is queued just when the connection's loop has been told to stop stays in its
/// queue (read in 4.12.3, and seen as a test that hung on a starved machine). Who waited for that would take no mail
/// until the next start.
async fn settled(frame: impl Future<Output = lapin::Result<bool>>) -> bool {
    timeout(DEADLINE, frame).await.is_ok_and(|written| written.unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::settled;

    #[tokio::test(start_paused = true)]
    async fn an_acknowledgement_that_is_never_answered_counts_as_lost() {
        assert!(!settled(std::future::pending()).await);
        assert!(settled(std::future::ready(Ok(true))).await);
    }
}
