//! One connection with its channels: from a successful handshake until it has to be replaced.

use std::time::Duration;

use lapin::{
    Channel, Confirmation, ErrorKind,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::TaskTracker;

use crate::{
    config::BrokerConfig,
    connection::{ConnectError, DEADLINE, Link},
    message::{Message, properties},
    publisher::{
        PublishError, PublishRefusal, PublisherOptions, UnknownOutcome,
        channels::{Channels, Closed, Lease},
    },
};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) link: Link,
    pub(crate) channels: Channels,
    /// Notified when a publish has shown that the connection cannot be trusted any more.
    pub(crate) broken: Notify,
    in_flight: TaskTracker,
    message_life: Option<Duration>,
}

impl Session {
    /// Connects, looks for exchanges and queues, opens the channels; all within 5 s.
    pub(crate) async fn open(
        config: &BrokerConfig,
        options: &PublisherOptions,
    ) -> Result<Self, ConnectError> {
        let opened = async {
            let link = Link::open(config).await?;
            let count = link.channels(options.channels)?;
            link.check(&options.exchanges, &options.queues).await?;
            let channels = Channels::default();
            let broken = Notify::new();
            let in_flight = TaskTracker::new();
            let session = Self { link, channels, broken, in_flight, message_life: options.message_life };
            session.open_channels(count).await?;
            // The check is made again and again, beside the channels: there must be room for it.
            session.link.check(&[], &[]).await?;
            Ok(session)
        };
        timeout(DEADLINE, opened).await.unwrap_or(Err(ConnectError::Deadline))
    }

    pub(crate) async fn open_channels(&self, count: usize) -> Result<(), ConnectError> {
        let one = || async {
            let channel = self.link.channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(ConnectError::Other)?;
            self.channels.add(channel);
            Ok::<_, ConnectError>(())
        };
        let opened = futures::future::try_join_all((0..count).map(|_| one()));
        let opened = timeout(DEADLINE, opened).await.map_err(|_| ConnectError::Deadline)?;
        opened.map(|_| ())
    }

    pub(crate) async fn publish(&self, message: Message, within: Duration) -> Result<(), PublishError> {
        let _in_flight = self.in_flight.token();
        self.open_for_publishes().map_err(PublishError::Refused)?;
        let began = Instant::now();
        let lease = match timeout_at(began + within / 2, self.channels.lease()).await {
            Ok(Ok(lease)) => lease,
            Ok(Err(Closed)) => return Err(PublishError::Refused(self.why_closed())),
            Err(_elapsed) => return Err(PublishError::Refused(PublishRefusal::Saturated)),
        };
        if let Err(refusal) = self.open_for_publishes() {
            lease.give_back();
            return Err(PublishError::Refused(refusal));
        }
        self.publish_on(lease, message, began + within).await
    }

    async fn publish_on(
        &self,
        lease: Lease<'_>,
        message: Message,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let Some(channel) = lease.channel() else {
            return Err(PublishError::Refused(PublishRefusal::NotConnected));
        };
        let outcome = match timeout_at(deadline, confirmed(channel, message, self.message_life)).await {
            Ok(Ok(confirmation)) => outcome(&confirmation),
            Ok(Err(error)) => Err(meaning(&error)),
            Err(_elapsed) => Err(PublishError::Unknown(UnknownOutcome::TimedOut)),
        };
        match outcome {
            // Dropping the lease gives the channel up: something may still be under way on it.
            Err(PublishError::Unknown(_)) => self.broken.notify_one(),
            Err(PublishError::Refused(PublishRefusal::Forbidden | PublishRefusal::NotConnected)) => {}
            _ => lease.give_back(),
        }
        outcome
    }

    /// Waits for the publishes in flight, each of which has its own deadline, then closes the connection.
    pub(crate) async fn retire(self: std::sync::Arc<Self>, within: Duration) {
        self.channels.close();
        self.in_flight.close();
        let _ = timeout(within, self.in_flight.wait()).await;
        match std::sync::Arc::try_unwrap(self) {
            Ok(session) => session.link.close().await,
            // A publisher is about to let go of it; the socket is cut then.
            Err(session) => drop(session),
        }
    }

    fn open_for_publishes(&self) -> Result<(), PublishRefusal> {
        if self.link.is_blocked() {
            return Err(PublishRefusal::Blocked);
        }
        if self.link.is_connected() { Ok(()) } else { Err(PublishRefusal::NotConnected) }
    }

    fn why_closed(&self) -> PublishRefusal {
        self.open_for_publishes().err().unwrap_or(PublishRefusal::NotConnected)
    }
}

async fn confirmed(
    channel: &Channel,
    message: Message,
    life: Option<Duration>,
) -> Result<Confirmation, lapin::Error> {
    let Message { exchange, routing_key, message_id, body, headers } = message;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut properties = properties(&message_id, headers);
    if let Some(life) = life {
        properties = properties.with_expiration(life.as_millis().to_string().into());
    }
    channel.basic_publish(exchange.into(), routing_key.into(), options, &body, properties).await?.await
}

fn outcome(confirmation: &Confirmation) -> Result<(), PublishError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
            Err(PublishError::Refused(PublishRefusal::Returned))
        }
        Confirmation::Nack(None) => Err(PublishError::Refused(PublishRefusal::Nacked)),
        // The channel is in confirm mode, so this cannot be; claiming success would be a guess.
        Confirmation::NotRequested => Err(PublishError::Unknown(UnknownOutcome::ConnectionLost)),
    }
}

/// What an error says about the one message on its channel.
fn meaning(error: &lapin::Error) -> PublishError {
    match error.kind() {
        ErrorKind::ProtocolError(_) if error.is_amqp_soft_error() => {
            PublishError::Refused(PublishRefusal::Forbidden)
        }
        // lapin looks at the channel before it sends anything.
        ErrorKind::InvalidChannelState(_, "basic.publish") => {
            PublishError::Refused(PublishRefusal::NotConnected)
        }
        _ => PublishError::Unknown(UnknownOutcome::ConnectionLost),
    }
}
