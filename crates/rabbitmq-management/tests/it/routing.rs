use std::time::Duration;

use futures::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use ping_contract::topology::{MAIL_EXCHANGE, MAIL_QUEUE, RETRY_EXCHANGE, RetryTier};
use tokio::time::timeout;

use crate::applied_vhost;

async fn channel(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    (connection, channel)
}

async fn publish(channel: &Channel, exchange: &str, key: &str) {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let confirm =
        channel.basic_publish(exchange.into(), key.into(), options, b"{}", properties).await.unwrap();
    assert_eq!(confirm.await.unwrap(), Confirmation::Ack(None));
}

#[tokio::test]
async fn a_client_that_declares_the_queue_as_durable_without_arguments_is_accepted() {
    let (vhost, _) = applied_vhost().await;
    let (connection, channel) = channel(&vhost.amqp_url()).await;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(MAIL_QUEUE.into(), durable, FieldTable::default()).await.unwrap();
    // And it publishes straight to the queue, as the original services do.
    publish(&channel, "", MAIL_QUEUE).await;
    connection.close(200, "done".into()).await.unwrap();
}

#[tokio::test]
async fn an_event_reaches_the_mail_queue_and_a_retry_comes_back_to_it_after_its_delay() {
    let (vhost, _) = applied_vhost().await;
    let (connection, channel) = channel(&vhost.amqp_url()).await;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut mails =
        channel.basic_consume(MAIL_QUEUE.into(), "".into(), options, FieldTable::default()).await.unwrap();
    for (exchange, key, delay) in [
        (MAIL_EXCHANGE, MAIL_QUEUE, Duration::ZERO),
        (RETRY_EXCHANGE, RetryTier::Seconds5.queue_name(), RetryTier::Seconds5.delay()),
    ] {
        let published = tokio::time::Instant::now();
        publish(&channel, exchange, key).await;
        let delivery =
            timeout(3 * Duration::from_secs(10), mails.next()).await.expect("the message in send-otp");
        delivery.unwrap().unwrap();
        assert!(published.elapsed() >= delay, "{key} gave its message back after {:?}", published.elapsed());
    }
    connection.close(200, "done".into()).await.unwrap();
}
