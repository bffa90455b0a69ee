//! Each role's user does each thing, and only what its row says succeeds.

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Error,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::FieldTable,
};
use ping_contract::{
    topology::{Desired, MAIL_EXCHANGE, MAIL_QUEUE, PARKING_QUEUE, RETRY_EXCHANGE, RetryTier},
    users::{Role, User},
};
use rabbitmq_management::{Management, ManagementConfig};
use test_kit::vhost::Vhost;

use crate::{apply_to, delete_users, desired, management_config, user_of};

/// What a user tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Try {
    LookAtQueue(&'static str),
    LookAtExchange(&'static str),
    DeclareMailQueueAsTheOriginalDoes,
    DeclareQueue(&'static str),
    DeleteQueue(&'static str),
    PurgeQueue(&'static str),
    BindQueue(&'static str, &'static str),
    Publish(&'static str, &'static str),
    Consume(&'static str),
}

const TIER: &str = RetryTier::Seconds5.queue_name();

const TRIES: [Try; 17] = [
    Try::LookAtQueue(MAIL_QUEUE),
    Try::LookAtExchange(MAIL_EXCHANGE),
    Try::DeclareMailQueueAsTheOriginalDoes,
    Try::DeclareQueue("another"),
    Try::DeleteQueue(TIER),
    Try::PurgeQueue(PARKING_QUEUE),
    Try::PurgeQueue(MAIL_QUEUE),
    Try::BindQueue(TIER, MAIL_EXCHANGE),
    Try::Publish(MAIL_EXCHANGE, MAIL_QUEUE),
    Try::Publish(RETRY_EXCHANGE, TIER),
    Try::Publish(RETRY_EXCHANGE, PARKING_QUEUE),
    Try::Publish("", MAIL_QUEUE),
    Try::Publish("amq.direct", MAIL_QUEUE),
    Try::Consume(MAIL_QUEUE),
    Try::Consume(TIER),
    Try::Consume(PARKING_QUEUE),
    Try::LookAtExchange(RETRY_EXCHANGE),
];

/// What each role may do on every version.
fn allowed(role: Role) -> &'static [Try] {
    match role {
        Role::UserService => &[Try::LookAtExchange(MAIL_EXCHANGE), Try::Publish(MAIL_EXCHANGE, MAIL_QUEUE)],
        Role::MailService => &[
            Try::LookAtQueue(MAIL_QUEUE),
            Try::LookAtExchange(RETRY_EXCHANGE),
            Try::PurgeQueue(MAIL_QUEUE), // reading a queue is emptying it
            Try::Publish(RETRY_EXCHANGE, TIER),
            Try::Publish(RETRY_EXCHANGE, PARKING_QUEUE),
            Try::Consume(MAIL_QUEUE),
        ],
        Role::Monitor => &[],
        Role::Legacy => &[
            Try::LookAtQueue(MAIL_QUEUE),
            Try::DeclareMailQueueAsTheOriginalDoes,
            Try::PurgeQueue(MAIL_QUEUE),
            Try::Publish("", MAIL_QUEUE),
            Try::Consume(MAIL_QUEUE),
        ],
    }
}

#[tokio::test]
async fn each_user_can_do_exactly_what_its_role_needs() {
    let vhost = Vhost::create().await;
    let users = Role::ALL.map(|role| user_of(&vhost, role));
    let desired = users.into_iter().fold(desired(&vhost), Desired::with_user);
    apply_to(&vhost, &desired).await;
    for user in &desired.users {
        for attempt in TRIES {
            let expected = allowed(user.role).contains(&attempt);
            if !expected && depends_on_the_version(attempt) {
                continue;
            }
            let result = try_as(&vhost, user, attempt).await;
            assert_eq!(result.is_ok(), expected, "{} tried {attempt:?}: {result:?}", user.role.name());
        }
    }
    delete_users(&vhost, &desired).await;
}

/// Whether a passive declare without any permission on the object succeeds: RabbitMQ refuses it from 4.2.7 and 4.3.1 on.
const fn depends_on_the_version(attempt: Try) -> bool {
    matches!(attempt, Try::LookAtQueue(_) | Try::LookAtExchange(_))
}

/// On a connection of its own: a refusal closes the channel.
async fn try_as(vhost: &Vhost, user: &User, attempt: Try) -> Result<(), Error> {
    let host = &vhost.broker().host;
    let port = vhost.broker().port;
    let password = user.password.replace(' ', "%20");
    let url = format!("amqp://{}:{password}@{host}:{port}/{}", user.name, vhost.name());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let result = carry_out(&channel, attempt).await;
    connection.close(200, "done".into()).await.unwrap();
    result
}

async fn carry_out(channel: &Channel, attempt: Try) -> Result<(), Error> {
    let nothing = FieldTable::default;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    match attempt {
        Try::LookAtQueue(queue) => {
            let passive = QueueDeclareOptions { passive: true, ..durable };
            channel.queue_declare(queue.into(), passive, nothing()).await.map(drop)
        }
        Try::LookAtExchange(exchange) => {
            let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
            channel.exchange_declare(exchange.into(), lapin::ExchangeKind::Direct, passive, nothing()).await
        }
        Try::DeclareMailQueueAsTheOriginalDoes => {
            channel.queue_declare(MAIL_QUEUE.into(), durable, nothing()).await.map(drop)
        }
        Try::DeclareQueue(queue) => channel.queue_declare(queue.into(), durable, nothing()).await.map(drop),
        Try::DeleteQueue(queue) => {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.map(drop)
        }
        Try::PurgeQueue(queue) => {
            channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await.map(drop)
        }
        Try::BindQueue(queue, exchange) => {
            let options = QueueBindOptions::default();
            channel.queue_bind(queue.into(), exchange.into(), queue.into(), options, nothing()).await
        }
        Try::Publish(exchange, key) => {
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let properties = BasicProperties::default();
            channel
                .basic_publish(exchange.into(), key.into(), options, b"{}", properties)
                .await?
                .await
                .map(drop)
        }
        Try::Consume(queue) => {
            let options = BasicConsumeOptions::default();
            channel.basic_consume(queue.into(), "".into(), options, nothing()).await.map(drop)
        }
    }
}

#[tokio::test]
async fn the_monitor_reads_the_queue_depth_and_no_message() {
    let vhost = Vhost::create().await;
    let desired = desired(&vhost).with_user(user_of(&vhost, Role::Monitor));
    apply_to(&vhost, &desired).await;
    let user = &desired.users[0];
    let name = user.name.clone();
    let password = user.password.clone().into();
    let config = ManagementConfig { user: name, password, ..management_config(&vhost) };
    let monitor = Management::new(&config).unwrap();
    let path = format!("queues/{}/{MAIL_QUEUE}", vhost.name());
    let queue = monitor.get::<serde_json::Value>(&path).await.unwrap().unwrap();
    assert_eq!(queue["name"], MAIL_QUEUE);
    let wish = serde_json::json!({ "count": 1, "ackmode": "ack_requeue_true", "encoding": "auto" });
    assert!(monitor.post(&format!("{path}/get"), &wish).await.is_err());
    delete_users(&vhost, &desired).await;
}
