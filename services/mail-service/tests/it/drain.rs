//! SIGTERM: nothing lost, nothing doubled.

use std::{collections::BTreeSet, time::Duration};

use ping_contract::{event::EventId, topology::MAIL_QUEUE};
use service_kit::shutdown::Finish;
use test_kit::smtp::{Action, Phase, Rule};

use crate::rig::{setup, start};

fn numbered(n: u16) -> EventId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    EventId::from_bytes(bytes)
}

/// Each event is mailed once, or is still in the queue.
#[tokio::test]
async fn an_orderly_end_under_load_loses_nothing_and_doubles_nothing() {
    const EVENTS: u16 = 200;
    let rig = setup().await.start().await;
    // So slow that most events are still in the queue when the first are delivered, however late this test goes on.
    rig.relay.add_rule(Rule::new(Phase::DataEnd, Action::Delay(Duration::from_millis(500))));
    for n in 0..EVENTS {
        rig.publish(&numbered(n), &format!("p{n}@example.org")).await;
    }
    rig.relay.wait_for_delivered(20, crate::rig::SOON).await;
    rig.trigger_shutdown();
    let (finish, vhost, relay) = rig.finish(Duration::from_secs(30)).await;
    assert_eq!(finish, Finish::Clean);
    let mailed = relay.delivered().iter().map(|mail| mail.recipients[0].clone()).collect::<Vec<_>>();
    let once = mailed.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(once.len(), mailed.len(), "a mail was doubled");
    let left = u64::from(EVENTS) - u64::try_from(once.len()).unwrap();
    assert!(left > 0, "the end came too late to interrupt anything");
    let path = vhost.path("queues", MAIL_QUEUE);
    vhost.management().wait_for("the rest to be ready", &path, |q| q["messages_ready"] == left).await;
}

/// The grace period ends before the mail server answers: the message goes back.
#[tokio::test]
async fn what_does_not_finish_in_the_grace_period_goes_back() {
    let rig = start().await;
    rig.relay.add_rule(Rule::new(Phase::DataEnd, Action::Silence));
    rig.publish(&numbered(1), "ada@example.org").await;
    rig.wait_for_metric("ping_mail_in_flight 1").await;
    rig.trigger_shutdown();
    let (finish, vhost, _) = rig.finish(Duration::from_millis(100)).await;
    assert_eq!(finish, Finish::Failed);
    let path = vhost.path("queues", MAIL_QUEUE);
    vhost.management().wait_for("the message to be ready again", &path, |q| q["messages_ready"] == 1).await;
}
