use std::{collections::BTreeSet, time::Duration};

use amqp::{Cause, Consumer, ConsumerState, Delivery};
use ping_contract::topology::MAIL_QUEUE;
use serde_json::Value;
use service_kit::shutdown::Finish;
use tokio::time::timeout;

use crate::{Fixture, PATIENCE, message};

async fn next(consumer: &mut Consumer) -> Delivery {
    timeout(PATIENCE, consumer.next()).await.expect("a delivery").expect("a delivery and no shutdown")
}

fn id(delivery: &Delivery) -> &str {
    delivery.message_id.as_deref().unwrap()
}

/// Waits until the broker counts this many messages as ready and as unacknowledged.
async fn counts(fixture: &Fixture, ready: u64, unacknowledged: u64) {
    let path = fixture.vhost.path("queues", MAIL_QUEUE);
    let what = format!("{ready} ready and {unacknowledged} unacknowledged messages");
    let wanted = |queue: &Value| {
        queue["messages_ready"] == ready && queue["messages_unacknowledged"] == unacknowledged
    };
    fixture.vhost.management().wait_for(&what, &path, wanted).await;
}

async fn reaches(consumer: &Consumer, wanted: ConsumerState) {
    let mut state = consumer.subscribe_state();
    let reached = timeout(PATIENCE, state.wait_for(|state| *state == wanted)).await;
    reached.unwrap_or_else(|_| panic!("the consumer was not {wanted:?} within {PATIENCE:?}")).unwrap();
}

#[tokio::test]
async fn an_acknowledged_message_is_gone_and_a_requeued_one_is_counted() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    publisher.publish(message("one")).await.unwrap();
    let mut consumer = fixture.consumer(1);
    let first = next(&mut consumer).await;
    assert_eq!((first.redelivered, first.delivery_count(), first.acquired_count()), (false, 0, 0));
    assert!(first.requeue().await);
    let second = next(&mut consumer).await;
    // RabbitMQ 4.0 to 4.2 count it as a delivery, 4.3 only as an acquisition.
    assert_eq!((second.redelivered, second.delivery_count().max(second.acquired_count())), (true, 1));
    assert!(second.ack().await);
    counts(&fixture, 0, 0).await;
}

#[tokio::test]
async fn a_dropped_delivery_goes_back_to_the_queue() {
    let fixture = Fixture::new().await;
    fixture.publisher().await.publish(message("one")).await.unwrap();
    let mut consumer = fixture.consumer(1);
    drop(next(&mut consumer).await);
    assert!(next(&mut consumer).await.redelivered);
}

#[tokio::test]
async fn no_more_than_the_prefetch_is_in_hand() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    for number in 0..10 {
        publisher.publish(message(&number.to_string())).await.unwrap();
    }
    let mut consumer = fixture.consumer(3);
    let in_hand = next(&mut consumer).await;
    counts(&fixture, 7, 3).await;
    in_hand.ack().await;
    counts(&fixture, 6, 3).await;
}

#[tokio::test]
async fn a_pause_leaves_the_messages_in_the_queue_and_what_is_in_hand_in_hand() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    for number in 0..10 {
        publisher.publish(message(&number.to_string())).await.unwrap();
    }
    let mut consumer = fixture.consumer(5);
    let in_hand = next(&mut consumer).await;
    consumer.control().pause("the relay is away");
    let waited = timeout(Duration::from_millis(200), consumer.next()).await;
    assert!(waited.is_err(), "nothing is handed out while paused");
    reaches(&consumer, ConsumerState::Paused).await;
    counts(&fixture, 9, 1).await;
    assert!(in_hand.ack().await, "what is in hand can be settled while paused");

    consumer.resume();
    let mut rest = BTreeSet::new();
    while rest.len() < 9 {
        let delivery = next(&mut consumer).await;
        rest.insert(id(&delivery).to_owned());
        delivery.ack().await;
    }
    counts(&fixture, 0, 0).await;
}

#[tokio::test]
async fn a_deleted_queue_is_subscribed_to_again_when_it_is_back() {
    let fixture = Fixture::new().await;
    let mut consumer = fixture.consumer(1);
    reaches(&consumer, ConsumerState::Consuming).await;
    fixture.vhost.management().delete(&fixture.vhost.path("queues", MAIL_QUEUE)).await;
    reaches(&consumer, ConsumerState::Disconnected(Cause::Missing)).await;
    fixture.apply().await;
    fixture.publisher().await.publish(message("after")).await.unwrap();
    assert_eq!(id(&next(&mut consumer).await), "after");
}

#[tokio::test]
async fn a_missing_queue_is_waited_for() {
    let fixture = Fixture::new().await;
    let path = fixture.vhost.path("queues", MAIL_QUEUE);
    fixture.vhost.management().delete(&path).await;
    let mut consumer = fixture.consumer(1);
    assert!(timeout(Duration::from_millis(500), consumer.next()).await.is_err());
    fixture.apply().await;
    fixture.publisher().await.publish(message("after")).await.unwrap();
    assert_eq!(id(&next(&mut consumer).await), "after");
}

#[tokio::test]
async fn after_a_killed_connection_everything_is_delivered_again_and_an_old_acknowledgement_is_ignored() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    let (proxy, config) = fixture.proxied().await;
    for number in 0..5 {
        publisher.publish(message(&number.to_string())).await.unwrap();
    }
    let mut consumer = fixture.consumer_with(config, 3);
    let old = next(&mut consumer).await;
    proxy.reset_connections();
    let mut seen = BTreeSet::new();
    while seen.len() < 5 {
        let delivery = next(&mut consumer).await;
        let id = id(&delivery).to_owned();
        // The first ones may still be the lost connection's.
        if delivery.ack().await {
            assert!(seen.insert(id), "nothing is delivered again after its acknowledgement");
        }
    }
    assert!(seen.contains(id(&old)));
    assert!(!old.can_be_settled());
    assert!(!old.ack().await, "its acknowledgement went nowhere");
    counts(&fixture, 0, 0).await;
}

#[tokio::test]
async fn at_shutdown_what_is_in_hand_can_be_settled_and_the_rest_goes_back() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    for number in 0..4 {
        publisher.publish(message(&number.to_string())).await.unwrap();
    }
    drop(publisher);
    let mut consumer = fixture.consumer(3);
    let in_hand = next(&mut consumer).await;
    fixture.shutdown.trigger();
    assert!(consumer.next().await.is_none());
    assert!(in_hand.ack().await);
    assert_eq!(timeout(PATIENCE, fixture.shutdown.finish(PATIENCE)).await.unwrap(), Finish::Clean);
    counts(&fixture, 3, 0).await;
}
