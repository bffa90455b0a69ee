use std::collections::BTreeSet;

use amqp::{HeaderValue, Message, PublishRefusal, PublisherOptions};
use futures::{StreamExt as _, stream};
use ping_contract::topology::{RETRY_EXCHANGE, RetryTier};
use serde_json::json;
use service_kit::shutdown::Finish;
use tokio::time::timeout;

use crate::{Fixture, PATIENCE, message, options, refused, unroutable};

#[tokio::test]
async fn a_confirmed_message_is_in_the_queue_persistent_and_whole() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    let headers = vec![
        ("x-ping-expires-at", HeaderValue::from(1_800_000_000_000_i64)),
        ("x-ping-attempt", HeaderValue::from(2_i32)),
        ("x-text", HeaderValue::from("text")),
    ];
    publisher.publish(Message { headers, ..message("one") }).await.unwrap();
    let delivery = fixture.consumer(1).next().await.unwrap();
    assert_eq!((delivery.message_id.as_deref(), &delivery.body), (Some("one"), &message("one").body));
    assert_eq!(delivery.int_header("x-ping-expires-at"), Some(1_800_000_000_000));
    assert_eq!(
        (delivery.int_header("x-ping-attempt"), delivery.text_header("x-text")),
        (Some(2), Some("text"))
    );
    assert_eq!((delivery.int_header("x-text"), delivery.text_header("none")), (None, None));
    assert!(delivery.is_persistent());
}

#[tokio::test]
async fn an_unroutable_message_is_returned_and_the_publisher_goes_on() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    assert_eq!(publisher.publish(unroutable("lost")).await, refused(PublishRefusal::Returned));
    assert_eq!(publisher.publish(message("kept")).await, Ok(()));
    assert_eq!(fixture.drain().await, BTreeSet::from(["kept".to_owned()]));
}

/// lapin hands a return to whichever confirm completes next: with 20 in flight on a channel 45 of 800 unroutable
/// messages were reported as confirmed, and as many good ones as returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trap_5_a_return_is_never_attached_to_another_message() {
    let fixture = Fixture::new().await;
    // Few channels, so that they are fought for.
    let publisher =
        fixture.publisher_with(fixture.config(), PublisherOptions { channels: 4, ..options() }).await;
    let results = stream::iter(0..4_000)
        .map(|number| {
            let publisher = &publisher;
            let bad = number % 5 == 0;
            let message = if bad { unroutable(&number.to_string()) } else { message(&number.to_string()) };
            async move { (number, bad, publisher.publish(message).await) }
        })
        .buffer_unordered(80)
        .collect::<Vec<_>>()
        .await;
    let mut good = BTreeSet::new();
    for (number, bad, result) in results {
        let expected = if bad { refused(PublishRefusal::Returned) } else { Ok(()) };
        assert_eq!(result, expected, "message {number}");
        if !bad {
            good.insert(number.to_string());
        }
    }
    assert_eq!(fixture.drain().await, good);
}

/// Two publishes that start at once on one channel can swap their delivery tags in lapin 4.12.3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirm_and_a_refusal_belong_to_their_own_message() {
    let fixture = Fixture::new().await;
    let full = RetryTier::Seconds45.queue_name();
    let policy = json!({
        "pattern": "^send-otp\\.retry\\.45s$", "apply-to": "queues", "priority": 1000,
        "definition": { "max-length": 0, "overflow": "reject-publish" },
    });
    fixture.vhost.management().put(&fixture.vhost.path("policies", "full"), &policy).await;
    let publisher =
        fixture.publisher_with(fixture.config(), PublisherOptions { channels: 4, ..options() }).await;
    let to_full =
        |id: &str| Message { exchange: RETRY_EXCHANGE, routing_key: full.to_owned(), ..message(id) };
    // The queue refuses once it has taken its first ones.
    let filled =
        async { while publisher.publish(to_full("filler")).await != refused(PublishRefusal::Nacked) {} };
    timeout(PATIENCE, filled).await.expect("the full queue to refuse");

    let tasks = (0..4).map(|task| {
        let publisher = publisher.clone();
        let to_full = to_full("refused");
        tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(async move {
                for number in 0..500 {
                    let kept = message(&format!("{task}-{number}"));
                    let (kept, refused) =
                        tokio::join!(publisher.publish(kept), publisher.publish(to_full.clone()));
                    assert_eq!((kept, refused), (Ok(()), crate::refused(PublishRefusal::Nacked)));
                }
            });
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(fixture.drain().await.len(), 2_000);
}

#[tokio::test]
async fn more_than_may_be_in_flight_are_refused_at_once() {
    let fixture = Fixture::new().await;
    let publisher =
        fixture.publisher_with(fixture.config(), PublisherOptions { max_in_flight: 1, ..options() }).await;
    let both = tokio::join!(publisher.publish(message("first")), publisher.publish(message("second")));
    assert_eq!(both, (Ok(()), refused(PublishRefusal::Saturated)));
    assert_eq!(publisher.publish(message("third")).await, Ok(()), "the slot is free again");
}

#[tokio::test]
async fn more_than_there_are_channels_wait_for_one() {
    let fixture = Fixture::new().await;
    let publisher =
        fixture.publisher_with(fixture.config(), PublisherOptions { channels: 2, ..options() }).await;
    let all = (0..100).map(|number| {
        let publisher = publisher.clone();
        async move { publisher.publish(message(&number.to_string())).await }
    });
    assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn callers_that_stop_waiting_take_no_channel_with_them() {
    let fixture = Fixture::new().await;
    let publisher =
        fixture.publisher_with(fixture.config(), PublisherOptions { channels: 2, ..options() }).await;
    for number in 0..50 {
        let mut publish = Box::pin(publisher.publish(message(&number.to_string())));
        // Far enough to have sent it, most often not far enough for the confirm.
        assert!(
            timeout(std::time::Duration::from_micros(300), &mut publish).await.map_or(true, |r| r.is_ok())
        );
    }
    let both = tokio::join!(publisher.publish(message("a")), publisher.publish(message("b")));
    assert_eq!(both, (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_missing_exchange_is_waited_for() {
    let fixture = Fixture::new().await;
    let path = fixture.vhost.path("exchanges", "ping.mail");
    fixture.vhost.management().delete(&path).await;
    let publisher = amqp::Publisher::start(fixture.config(), options(), &fixture.shutdown);
    assert_eq!(publisher.publish(message("early")).await, refused(PublishRefusal::NotConnected));
    fixture.apply().await;
    crate::reaches(&publisher, amqp::State::Connected).await;
    assert_eq!(publisher.publish(message("in time")).await, Ok(()));
}

#[tokio::test]
async fn a_message_to_an_exchange_that_was_deleted_is_refused_and_nothing_else_suffers() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    fixture.vhost.management().delete(&fixture.vhost.path("exchanges", "ping.mail")).await;
    assert_eq!(publisher.publish(message("lost")).await, refused(PublishRefusal::Forbidden));
    let retry = RetryTier::Seconds45.queue_name().to_owned();
    let other = Message { exchange: RETRY_EXCHANGE, routing_key: retry, ..message("kept") };
    assert_eq!(publisher.publish(other).await, Ok(()));
    fixture.apply().await;
    crate::publish_until_confirmed(&publisher, &message("again")).await;
}

#[tokio::test]
async fn the_connection_is_closed_in_order_when_the_last_publisher_is_gone() {
    let fixture = Fixture::new().await;
    let publisher = fixture.publisher().await;
    let clone = publisher.clone();
    fixture.shutdown.trigger();
    drop(publisher);
    assert_eq!(clone.publish(message("while draining")).await, Ok(()), "the soft phase still publishes");
    drop(clone);
    assert_eq!(timeout(PATIENCE, fixture.shutdown.finish(PATIENCE)).await.unwrap(), Finish::Clean);
    let path = format!("/api/vhosts/{}/connections", fixture.vhost.name());
    let none = |value: &serde_json::Value| value.as_array().is_some_and(Vec::is_empty);
    fixture.vhost.management().wait_for("the broker to see no connection", &path, none).await;
}
