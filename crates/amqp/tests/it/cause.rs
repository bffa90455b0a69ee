//! Why there is no connection: each cause has its own message, and the fix is noticed without a restart.

use amqp::{BrokerConfig, Cause, Consumer, ConsumerOptions, Publisher, PublisherOptions, State};
use ping_contract::{
    topology::{MAIL_EXCHANGE, MAIL_QUEUE},
    users::Role,
};
use service_kit::health::Health;
use test_kit::{port::free_port, wait::wait_until};

use crate::{Fixture, PATIENCE, message, options, reaches};

async fn assert_cause(fixture: &Fixture, config: BrokerConfig, cause: Cause) {
    let publisher = Publisher::start(config, options(), &fixture.shutdown);
    reaches(&publisher, State::Disconnected(cause)).await;
}

#[tokio::test]
async fn a_host_without_an_address_and_a_port_without_a_broker_are_told_apart() {
    let fixture = Fixture::new().await;
    let unknown = BrokerConfig { host: "rabbitmq.invalid".to_owned(), ..fixture.config() };
    assert_cause(&fixture, unknown, Cause::HostNotFound).await;
    let refused = BrokerConfig { port: free_port(), ..fixture.config() };
    assert_cause(&fixture, refused, Cause::Unreachable).await;
}

#[tokio::test]
async fn a_wrong_password_and_a_vhost_that_does_not_exist_are_denied_access() {
    let fixture = Fixture::new().await;
    let password = BrokerConfig { password: "wrong".into(), ..fixture.config() };
    assert_cause(&fixture, password, Cause::AccessDenied).await;
    let vhost = BrokerConfig { vhost: "no-such-vhost".to_owned(), ..fixture.config() };
    assert_cause(&fixture, vhost, Cause::AccessDenied).await;
}

#[tokio::test]
async fn a_check_says_that_the_exchange_is_missing_and_is_usable_once_it_is_there() {
    let fixture = Fixture::new().await;
    let health = Health::new();
    let management = fixture.vhost.management();
    management.delete(&fixture.vhost.path("exchanges", MAIL_EXCHANGE)).await;
    let publisher = Publisher::start(fixture.config(), options(), &fixture.shutdown);
    publisher.report_to(health.require("rabbitmq"), &fixture.shutdown);
    let reason = || health.report(false).check("rabbitmq").and_then(|check| check.reason);
    wait_until("the reason", PATIENCE, || async { reason() == Some("QueueMissing") }).await;
    assert!(!health.not_ready().is_empty());
    fixture.apply().await;
    wait_until("the broker to be usable", PATIENCE, || async { reason().is_none() }).await;
    assert!(health.not_ready().is_empty());
}

/// The permissions that the topology gives to user-service: a passive declare needs none.
#[tokio::test]
async fn a_publisher_that_may_only_write_to_the_exchange_sees_that_the_queue_is_gone() {
    let fixture = Fixture::new().await;
    let management = fixture.vhost.management();
    let user = format!("{}-writer", fixture.vhost.name());
    management.put(&format!("/api/users/{user}"), &serde_json::json!({"password": "pw", "tags": ""})).await;
    let permissions = format!("/api/permissions/{}/{user}", fixture.vhost.name());
    let allowed = Role::UserService.permissions(&user);
    let allowed =
        serde_json::json!({"configure": allowed.configure, "write": allowed.write, "read": allowed.read});
    management.put(&permissions, &allowed).await;
    let config = BrokerConfig { user: user.clone(), password: "pw".into(), ..fixture.config() };
    let options = PublisherOptions { queues: vec![MAIL_QUEUE.to_owned()], ..options() };
    let publisher = fixture.publisher_with(config, options).await;
    assert_eq!(publisher.publish(message("one")).await, Ok(()));
    management.delete(&fixture.vhost.path("queues", MAIL_QUEUE)).await;
    reaches(&publisher, State::Disconnected(Cause::Missing)).await;
    fixture.apply().await;
    reaches(&publisher, State::Connected).await;
    management.delete(&format!("/api/users/{user}")).await;
}

#[tokio::test]
async fn a_consumer_without_permission_on_the_queue_is_denied_access_and_a_paused_one_is_usable() {
    let fixture = Fixture::new().await;
    let health = Health::new();
    let management = fixture.vhost.management();
    let user = format!("{}-reader", fixture.vhost.name());
    management.put(&format!("/api/users/{user}"), &serde_json::json!({"password": "pw", "tags": ""})).await;
    let permissions = format!("/api/permissions/{}/{user}", fixture.vhost.name());
    let allow = |read: &str| serde_json::json!({"configure": "", "write": "", "read": read});
    management.put(&permissions, &allow("^nothing$")).await;
    let config = BrokerConfig { user: user.clone(), password: "pw".into(), ..fixture.config() };
    let options = ConsumerOptions { queue: MAIL_QUEUE.to_owned(), prefetch: 1 };
    let consumer = Consumer::start(config, options, &fixture.shutdown);
    consumer.report_to(health.require("rabbitmq"), &fixture.shutdown);
    let reason = || health.report(false).check("rabbitmq").and_then(|check| check.reason);
    wait_until("the reason", PATIENCE, || async { reason() == Some("RabbitMqAccessDenied") }).await;
    management.put(&permissions, &allow(".*")).await;
    wait_until("the broker to be usable", PATIENCE, || async { reason().is_none() }).await;
    consumer.pause("a test");
    let mut state = consumer.subscribe_state();
    let paused = state.wait_for(|state| *state == amqp::ConsumerState::Paused);
    tokio::time::timeout(PATIENCE, paused).await.expect("the pause").unwrap();
    assert_eq!(reason(), None);
    management.delete(&format!("/api/users/{user}")).await;
}
