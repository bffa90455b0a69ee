//! A broker that allows few connections and channels: what fits is used, and what does not is said and not hammered.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use amqp::{
    BrokerConfig, Cause, Consumer, ConsumerOptions, ConsumerState, Publisher, PublisherOptions, State,
};
use ping_contract::topology::MAIL_QUEUE;
use serde_json::json;
use test_kit::servers::RabbitServer;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{Fixture, PATIENCE, message, options, reaches};

const AT_LIMIT: State = State::Disconnected(Cause::LimitReached);

fn with_channels(channels: usize) -> PublisherOptions {
    PublisherOptions { channels, ..options() }
}

/// Passes connections on to the broker, and counts them.
async fn counted(upstream: SocketAddr) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&count);
    spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            spawn(async move {
                let Ok(mut server) = TcpStream::connect(upstream).await else { return };
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, count)
}

#[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

#[tokio::test]
async fn with_a_low_channel_max_as_many_channels_are_used_as_there_are() {
    let server = RabbitServer::start_with(&["channel_max = 3"], None).await;
    let fixture = Fixture::on(server.broker()).await;
    let publisher = fixture.publisher_with(fixture.config(), with_channels(8)).await;
    for number in 0..20 {
        publisher.publish(message(&number.to_string())).await.unwrap();
    }
    let mut consumer = fixture.consumer(1);
    assert!(timeout(PATIENCE, consumer.next()).await.expect("a delivery").is_some());
}

#[tokio::test]
async fn without_room_for_a_channel_the_broker_is_not_dialled_again_and_again() {
    let server = RabbitServer::start_with(&["channel_max = 1"], None).await;
    let fixture = Fixture::on(server.broker()).await;
    let (port, dials) = counted(server.address()).await;
    let config = BrokerConfig { port, ..fixture.config() };
    let publisher = Publisher::start(config, with_channels(8), &fixture.shutdown);
    reaches(&publisher, AT_LIMIT).await;
    let left = timeout(Duration::from_secs(6), reaches(&publisher, State::Connected)).await;
    assert!(left.is_err());
    // With the waits for a broker that is away these would be seven.
    let dials = dials.load(Ordering::Relaxed);
    assert!((1..=4).contains(&dials), "{dials} dials in six seconds");
}

#[tokio::test]
async fn a_limit_of_the_vhost_is_told_from_a_missing_permission_and_waited_for() {
    let fixture = Fixture::new().await;
    let management = fixture.vhost.management();
    let limit = format!("/api/vhost-limits/{}/max-connections", fixture.vhost.name());
    management.put(&limit, &json!({"value": 0})).await;
    let publisher = Publisher::start(fixture.config(), options(), &fixture.shutdown);
    reaches(&publisher, AT_LIMIT).await;
    let queue = ConsumerOptions { queue: MAIL_QUEUE.to_owned(), prefetch: 1 };
    let consumer = Consumer::start(fixture.config(), queue, &fixture.shutdown);
    let mut state = consumer.subscribe_state();
    let at_limit = ConsumerState::Disconnected(Cause::LimitReached);
    timeout(PATIENCE, state.wait_for(|state| *state == at_limit)).await.expect("the limit").unwrap();
    management.put(&limit, &json!({"value": 10})).await;
    reaches(&publisher, State::Connected).await;
    timeout(PATIENCE, state.wait_for(|state| *state == ConsumerState::Consuming))
        .await
        .expect("the subscription")
        .unwrap();
}

#[tokio::test]
async fn under_a_limit_of_the_users_channels_fewer_are_used() {
    let fixture = Fixture::new().await;
    let management = fixture.vhost.management();
    let user = format!("{}-limited", fixture.vhost.name());
    management.put(&format!("/api/users/{user}"), &json!({"password": "pw", "tags": ""})).await;
    let permissions = format!("/api/permissions/{}/{user}", fixture.vhost.name());
    management.put(&permissions, &json!({"configure": ".*", "write": ".*", "read": ".*"})).await;
    management.put(&format!("/api/user-limits/{user}/max-channels"), &json!({"value": 3})).await;
    let config = BrokerConfig { user: user.clone(), password: "pw".into(), ..fixture.config() };
    let publisher = Publisher::start(config, with_channels(8), &fixture.shutdown);
    reaches(&publisher, AT_LIMIT).await;
    reaches(&publisher, State::Connected).await;
    publisher.publish(message("one")).await.unwrap();
    management.delete(&format!("/api/users/{user}")).await;
}
