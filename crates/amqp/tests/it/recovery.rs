//! A network that breaks, behind a proxy.

use std::time::Duration;

use amqp::{PublishError, PublishRefusal, Publisher, PublisherOptions, State, UnknownOutcome};
use test_kit::proxy::Mode;
use tokio::{io::AsyncReadExt as _, net::TcpListener, time::timeout};

use crate::{
    Fixture, PATIENCE, is_disconnected, message, options, publish_until_confirmed, reaches, refused,
};

#[tokio::test]
async fn without_a_broker_every_publish_is_refused_and_the_first_dial_that_works_is_enough() {
    let fixture = Fixture::new().await;
    let (proxy, config) = fixture.proxied().await;
    proxy.set_mode(Mode::Refuse).await;
    let publisher = Publisher::start(config, options(), &fixture.shutdown);
    assert_eq!(publisher.publish(message("early")).await, refused(PublishRefusal::NotConnected));
    proxy.set_mode(Mode::Forward).await;
    reaches(&publisher, State::Connected).await;
    assert_eq!(publisher.publish(message("in time")).await, Ok(()));
}

#[tokio::test]
async fn a_killed_connection_is_replaced() {
    let fixture = Fixture::new().await;
    let (proxy, config) = fixture.proxied().await;
    let publisher = fixture.publisher_with(config, options()).await;
    for kill in [test_kit::proxy::Proxy::cut_connections, test_kit::proxy::Proxy::reset_connections] {
        let mut state = publisher.subscribe_state();
        state.mark_unchanged();
        kill(&proxy);
        timeout(PATIENCE, state.wait_for(|state| matches!(state, State::Disconnected(_))))
            .await
            .expect("the loss of the connection to be seen")
            .unwrap();
        publish_until_confirmed(&publisher, &message("after")).await;
    }
}

#[tokio::test]
async fn a_publish_without_confirm_is_unknown_and_the_connection_is_replaced() {
    let fixture = Fixture::new().await;
    let (proxy, config) = fixture.proxied().await;
    let confirm_timeout = Duration::from_millis(300);
    let publisher = fixture.publisher_with(config, PublisherOptions { confirm_timeout, ..options() }).await;
    proxy.set_mode(Mode::BlackHole).await;
    let outcome = timeout(PATIENCE, publisher.publish(message("who knows"))).await.expect("an answer");
    assert_eq!(outcome, Err(PublishError::Unknown(UnknownOutcome::TimedOut)));
    is_disconnected(&publisher).await;
    proxy.set_mode(Mode::Forward).await;
    publish_until_confirmed(&publisher, &message("after")).await;
}

#[tokio::test]
async fn who_waits_long_for_a_channel_is_refused_in_time_for_the_connection_to_live_on() {
    let fixture = Fixture::new().await;
    let (proxy, config) = fixture.proxied().await;
    let options = PublisherOptions { channels: 1, confirm_timeout: Duration::from_secs(8), ..options() };
    let publisher = fixture.publisher_with(config, options).await;
    let mut state = publisher.subscribe_state();
    state.mark_unchanged();
    proxy.set_mode(Mode::BlackHole).await;
    let second = async {
        let second = publisher.publish(message("second")).await;
        proxy.set_mode(Mode::Forward).await;
        second
    };
    let both = tokio::join!(publisher.publish(message("first")), second);
    assert_eq!(both, (Ok(()), refused(PublishRefusal::Saturated)));
    assert!(!state.has_changed().unwrap(), "the connection was replaced");
}

#[tokio::test]
async fn a_publish_whose_connection_breaks_is_unknown() {
    let fixture = Fixture::new().await;
    let (proxy, config) = fixture.proxied().await;
    let publisher = fixture.publisher_with(config, options()).await;
    proxy.set_mode(Mode::BlackHole).await;
    let cut = async {
        // The publish is polled first, and so is on its way.
        tokio::task::yield_now().await;
        proxy.cut_connections();
    };
    let (outcome, ()) = tokio::join!(publisher.publish(message("who knows")), cut);
    assert_eq!(outcome, Err(PublishError::Unknown(UnknownOutcome::ConnectionLost)));
}

/// lapin's thread ends with the socket: one that stayed open would be a thread more for each dial.
#[tokio::test]
async fn a_handshake_that_is_given_up_closes_its_socket() {
    let fixture = Fixture::new().await;
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = amqp::BrokerConfig { port: mute.local_addr().unwrap().port(), ..fixture.config() };
    let _publisher = Publisher::start(config, options(), &fixture.shutdown);
    let (mut socket, _) = timeout(PATIENCE, mute.accept()).await.expect("a dial").unwrap();
    let mut received = Vec::new();
    let ended = timeout(PATIENCE, socket.read_to_end(&mut received)).await.expect("the end of the socket");
    assert_eq!((ended.unwrap(), received.as_slice()), (8, &b"AMQP\0\0\x09\x01"[..]));
}
