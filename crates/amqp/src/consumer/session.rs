//! One consuming connection and the subscription on it.

use futures::StreamExt as _;
use lapin::{
    Channel,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::{
    config::BrokerConfig,
    connection::{ConnectError, DEADLINE, Link, explain_subscription},
    consumer::{ConsumerOptions, Delivery},
};

pub(super) struct Session {
    pub(super) link: Link,
    /// All subscriptions in turn are on this one, or a pause would lose the right to settle what is in hand.
    channel: Channel,
    unsettled: TaskTracker,
}

impl Session {
    /// Connects and sets the prefetch, within 5 s.
    pub(super) async fn open(config: &BrokerConfig, options: &ConsumerOptions) -> Result<Self, ConnectError> {
        let opened = async {
            let link = Link::open(config).await?;
            let channel = link.channel().await?;
            let prefetch = options.prefetch.max(1);
            channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(ConnectError::Other)?;
            Ok(Self { link, channel, unsettled: TaskTracker::new() })
        };
        timeout(DEADLINE, opened).await.unwrap_or(Err(ConnectError::Deadline))
    }

    /// Whether deliveries can be received and settled.
    pub(super) fn is_usable(&self) -> bool {
        self.link.is_connected() && self.channel.status().connected()
    }

    /// Subscribes, within 5 s. A missing queue is found out on another channel: this one would be closed over it.
    pub(super) async fn subscribe(&self, queue: &str) -> Result<lapin::Consumer, ConnectError> {
        let subscribed = async {
            self.link.check(&[], &[queue.to_owned()]).await?;
            let options = BasicConsumeOptions::default();
            let arguments = FieldTable::default();
            let consumer = self.channel.basic_consume(queue.into(), "".into(), options, arguments).await;
            consumer.map_err(|error| explain_subscription(error, queue))
        };
        timeout(DEADLINE, subscribed).await.unwrap_or(Err(ConnectError::Deadline))
    }

    /// Ends a subscription and sends back what came and was not handed on. `false` = no answer within 5 s.
    pub(super) async fn unsubscribe(&self, mut consumer: lapin::Consumer) -> bool {
        let ended = async {
            self.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
            while let Some(Ok(delivery)) = consumer.next().await {
                delivery.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await?;
            }
            Ok::<_, lapin::Error>(())
        };
        matches!(timeout(DEADLINE, ended).await, Ok(Ok(())))
    }

    /// Makes a delivery that keeps the connection open until it is settled.
    pub(super) fn delivery(&self, delivery: lapin::message::Delivery) -> Delivery {
        Delivery::new(delivery, self.unsettled.token())
    }

    /// Waits until all that was handed out is settled.
    pub(super) async fn all_settled(&self) {
        self.unsettled.close();
        self.unsettled.wait().await;
    }

    /// Whether the broker answers.
    pub(super) async fn answers(&self) -> bool {
        matches!(timeout(DEADLINE, self.link.check(&[], &[])).await, Ok(Ok(())))
    }
}
