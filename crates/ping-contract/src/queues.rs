//! The names of exchanges and queues, and the delays of the retry queues.

use std::time::Duration;

/// The exchange that mail events are published to; its only queue is [`MAIL_QUEUE`].
///
/// Our own and not the default exchange: permissions on that one cannot be limited to one queue.
pub const MAIL_EXCHANGE: &str = "ping.mail";

/// The exchange of [`RetryTier`]s and of [`PARKING_QUEUE`], by their queues' names.
pub const RETRY_EXCHANGE: &str = "ping.mail.retry";

/// The queue of mails to send. The name is the original's contract.
pub const MAIL_QUEUE: &str = "send-otp";

/// The queue of what could not be sent: id, reason, masked address; never a body.
pub const PARKING_QUEUE: &str = "send-otp.dead";

/// A queue in which a message waits before it is tried again.
///
/// One queue per delay, because messages expire at a queue's head only: a long wait would hold up a short one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetryTier {
    /// The first retry.
    Seconds5,
    /// The second.
    Seconds15,
    /// The third and last.
    Seconds45,
}

impl RetryTier {
    /// All tiers, shortest first.
    pub const ALL: [Self; 3] = [Self::Seconds5, Self::Seconds15, Self::Seconds45];

    /// The queue, which is also the routing key on [`RETRY_EXCHANGE`].
    #[must_use]
    pub const fn queue_name(self) -> &'static str {
        match self {
            Self::Seconds5 => "send-otp.retry.5s",
            Self::Seconds15 => "send-otp.retry.15s",
            Self::Seconds45 => "send-otp.retry.45s",
        }
    }

    /// How long a message stays in it.
    #[must_use]
    pub const fn delay(self) -> Duration {
        match self {
            Self::Seconds5 => Duration::from_secs(5),
            Self::Seconds15 => Duration::from_secs(15),
            Self::Seconds45 => Duration::from_secs(45),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RetryTier;

    #[test]
    fn a_tiers_name_says_its_delay() {
        for tier in RetryTier::ALL {
            assert_eq!(tier.queue_name(), format!("send-otp.retry.{}s", tier.delay().as_secs()));
        }
    }
}
