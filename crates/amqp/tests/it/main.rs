//! Publisher and consumer against a real `RabbitMQ`. Run as `dev/with-servers cargo test -p amqp`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

use std::{collections::BTreeSet, time::Duration};

use amqp::{
    BrokerConfig, Consumer, ConsumerOptions, Message, PublishError, PublishRefusal, Publisher,
    PublisherOptions, State,
};
use ping_contract::topology::{Desired, MAIL_EXCHANGE, MAIL_QUEUE};
use rabbitmq_management::{Management, ManagementConfig};
use service_kit::shutdown::Shutdown;
use test_kit::{proxy::Proxy, servers::Broker, vhost::Vhost};
use tokio::time::timeout;

mod cause;
mod consumer;
mod faults;
mod limits;
mod logs;
mod publisher;
mod recovery;
mod tls;

/// Three times the longest deadline in the crate, and room for a machine under load.
const PATIENCE: Duration = Duration::from_secs(30);

/// A vhost with the topology on it, and what is needed to use it.
struct Fixture {
    vhost: Vhost,
    shutdown: Shutdown,
}

impl Fixture {
    async fn new() -> Self {
        let fixture = Self { vhost: Vhost::create().await, shutdown: Shutdown::new() };
        fixture.apply().await;
        fixture
    }

    async fn on(broker: &Broker) -> Self {
        let fixture = Self { vhost: Vhost::create_on(broker).await, shutdown: Shutdown::new() };
        fixture.apply().await;
        fixture
    }

    /// As `ping-topology` does; makes what is missing.
    async fn apply(&self) {
        let broker = self.vhost.broker();
        let config = ManagementConfig {
            url: broker.management_url.clone(),
            user: broker.user.clone(),
            password: broker.password.clone().into(),
            ca_file: None,
        };
        let desired = Desired::new(self.vhost.name());
        rabbitmq_management::apply(&Management::new(&config).unwrap(), &desired).await.unwrap();
    }

    fn config(&self) -> BrokerConfig {
        BrokerConfig::from_url(&self.vhost.amqp_url()).unwrap()
    }

    /// The broker behind a proxy.
    async fn proxied(&self) -> (Proxy, BrokerConfig) {
        let broker = self.vhost.broker();
        let proxy = Proxy::start(format!("{}:{}", broker.host, broker.port).parse().unwrap()).await;
        let config = BrokerConfig { port: proxy.port(), ..self.config() };
        (proxy, config)
    }

    async fn publisher(&self) -> Publisher {
        self.publisher_with(self.config(), options()).await
    }

    /// Waits until it is connected.
    async fn publisher_with(&self, config: BrokerConfig, options: PublisherOptions) -> Publisher {
        let publisher = Publisher::start(config, options, &self.shutdown);
        reaches(&publisher, State::Connected).await;
        publisher
    }

    fn consumer(&self, prefetch: u16) -> Consumer {
        self.consumer_with(self.config(), prefetch)
    }

    fn consumer_with(&self, config: BrokerConfig, prefetch: u16) -> Consumer {
        Consumer::start(config, ConsumerOptions { queue: MAIL_QUEUE.to_owned(), prefetch }, &self.shutdown)
    }

    /// Empties the mail queue, and says which messages were in it. Ends with a message of its own.
    async fn drain(&self) -> BTreeSet<String> {
        let publisher = self.publisher().await;
        publish_until_confirmed(&publisher, &message("the last one")).await;
        let mut consumer = self.consumer(500);
        let mut found = BTreeSet::new();
        loop {
            let delivery = timeout(PATIENCE, consumer.next()).await.expect("a message of the queue").unwrap();
            let id = delivery.message_id.clone().unwrap();
            delivery.ack().await;
            if id == "the last one" {
                return found;
            }
            found.insert(id);
        }
    }
}

fn options() -> PublisherOptions {
    PublisherOptions::new(MAIL_EXCHANGE)
}

/// A message that is routed to the mail queue.
fn message(id: &str) -> Message {
    Message {
        exchange: MAIL_EXCHANGE,
        routing_key: MAIL_QUEUE.to_owned(),
        message_id: id.to_owned(),
        body: format!("{{\"body of\":\"{id}\"}}").into_bytes(),
        headers: vec![],
    }
}

/// A message that no queue is bound for.
fn unroutable(id: &str) -> Message {
    Message { routing_key: "nowhere".to_owned(), ..message(id) }
}

async fn reaches(publisher: &Publisher, wanted: State) {
    let mut state = publisher.subscribe_state();
    let reached = timeout(PATIENCE, state.wait_for(|state| *state == wanted)).await;
    reached.unwrap_or_else(|_| panic!("the publisher was not {wanted:?} within {PATIENCE:?}")).unwrap();
}

async fn is_disconnected(publisher: &Publisher) {
    let mut state = publisher.subscribe_state();
    let reached = timeout(PATIENCE, state.wait_for(|state| matches!(state, State::Disconnected(_)))).await;
    reached.unwrap_or_else(|_| panic!("the publisher was not disconnected within {PATIENCE:?}")).unwrap();
}

/// Goes on through an outage.
async fn publish_until_confirmed(publisher: &Publisher, message: &Message) {
    let confirmed = async {
        while publisher.publish(message.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, confirmed)
        .await
        .unwrap_or_else(|_| panic!("no publish was confirmed within {PATIENCE:?}"));
}

fn refused(refusal: PublishRefusal) -> Result<(), PublishError> {
    Err(PublishError::Refused(refusal))
}
