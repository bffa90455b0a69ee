//! What is parked, and what is in the note.

use std::cell::Cell;

use ping_contract::{
    event::{ATTEMPT_HEADER, EXPIRES_AT_HEADER},
    topology::{MAIL_QUEUE, PARKING_QUEUE, RetryTier},
};
use test_kit::{
    smtp::{Phase, Rule},
    wait::wait_for,
};

use crate::rig::{CODE, Rig, SOON, apply_topology, event, id, setup, start};

async fn assert_one_note(rig: &Rig, reason: &str) -> serde_json::Value {
    let notes = rig.wait_for_parked(1).await;
    assert_eq!((notes.len(), notes[0]["reason"].as_str()), (1, Some(reason)), "{notes:?}");
    let text = notes[0].to_string();
    assert!(!text.contains(CODE) && !text.contains("ada@"), "{text}");
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    notes[0].clone()
}

#[tokio::test]
async fn a_550_is_parked_with_its_reason_and_without_code_or_address() {
    let rig = start().await;
    rig.relay.add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 <ada@example.org> unknown, code 482931"));
    rig.publish(&id(1), "ada@example.org").await;
    let note = assert_one_note(&rig, "refused").await;
    assert_eq!((note["smtp"].as_str(), note["to"].as_str()), (Some("550 5.1.1"), Some("a***@example.org")));
    assert_eq!((note["id"].as_str(), note["phase"].as_str()), (Some(id(1).as_str()), Some("rcpt")));
    let metrics = rig.metrics().await;
    assert!(metrics.contains(r#"ping_mail_parked_total{reason="refused"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"ping_mail_sends_total{outcome="rejected",smtp_class="5xx"} 1"#), "{metrics}");
}

#[tokio::test]
async fn a_550_to_the_final_dot_is_parked_and_the_session_goes_on() {
    let rig = start().await;
    rig.relay.add_rule(Rule::reply(Phase::DataEnd, "550 5.7.1 no").to_recipient("ada@example.org"));
    rig.publish(&id(1), "ada@example.org").await;
    assert_one_note(&rig, "refused").await;
    rig.publish(&id(2), "bob@example.org").await;
    let mail = rig.relay.wait_for_message_to("bob@example.org", SOON).await;
    assert_eq!(mail.connection, rig.relay.messages()[0].connection);
}

#[tokio::test]
async fn malformed_json_is_parked() {
    let rig = start().await;
    rig.publish_with(br#"{"to":"ada@example.org","subject":"s","body":"#.to_vec(), vec![]).await;
    assert_one_note(&rig, "malformed").await;
}

#[tokio::test]
async fn an_unknown_version_is_parked() {
    let rig = start().await;
    rig.publish_with(br#"{"v":9,"to":"ada@example.org","subject":"s","body":"482931"}"#.to_vec(), vec![])
        .await;
    assert_one_note(&rig, "unknown_version").await;
}

#[tokio::test]
async fn a_body_of_10_mb_is_parked_and_the_service_goes_on() {
    let rig = start().await;
    rig.publish_with(vec![b'x'; 10 * 1024 * 1024], vec![]).await;
    assert_one_note(&rig, "too_large").await;
    rig.publish(&id(1), "ada@example.org").await;
    rig.relay.wait_for_message_to("ada@example.org", SOON).await;
}

#[tokio::test]
async fn what_keeps_coming_back_is_parked_unread() {
    let rig = setup().await.publish_and_return(&id(1), "ada@example.org", 21).await.start().await;
    let note = assert_one_note(&rig, "delivered_too_often").await;
    assert!(note["to"].is_null() && rig.relay.messages().is_empty());
}

#[tokio::test]
async fn an_event_whose_time_is_up_is_given_up_and_not_retried() {
    let rig = start().await;
    rig.relay.add_rule(Rule::reply(Phase::RcptTo, "451 4.7.1 later"));
    let expires = rig.now_ms().await + 10_000;
    let body = event(&id(1), "ada@example.org").to_json();
    rig.publish_with(body, vec![(EXPIRES_AT_HEADER, expires.into())]).await;
    let note = assert_one_note(&rig, "gave_up").await;
    assert_eq!((note["after"].as_str(), note["smtp"].as_str()), (Some("deferred"), Some("451 4.7.1")));
}

#[tokio::test]
async fn a_foreign_event_is_given_up_after_three_retries() {
    let rig = start().await;
    rig.relay.add_rule(Rule::reply(Phase::RcptTo, "451 4.7.1 later"));
    let body = br#"{"to":"ada@example.org","subject":"s","body":"482931"}"#.to_vec();
    rig.publish_with(body, vec![(ATTEMPT_HEADER, 4.into())]).await;
    assert_one_note(&rig, "gave_up").await;
}

#[tokio::test]
async fn without_a_parking_queue_the_message_is_kept_and_parked_later() {
    let rig = start().await;
    let quick = serde_json::json!({
        "message-ttl": 3000, "dead-letter-exchange": "", "dead-letter-routing-key": MAIL_QUEUE,
    });
    rig.override_policy(RetryTier::Seconds45.queue_name(), quick).await;
    rig.vhost.management().delete(&rig.vhost.path("queues", PARKING_QUEUE)).await;
    rig.relay.add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 unknown"));
    rig.publish(&id(1), "ada@example.org").await;
    rig.wait_for_metric(r#"ping_mail_retries_total{tier="send-otp.retry.45s",reason="parking_refused"}"#)
        .await;
    // All but the policy that makes the tier quick.
    assert_eq!(apply_topology(&rig.vhost).await.len(), 1);
    assert_one_note(&rig, "refused").await;
}

#[tokio::test]
async fn with_a_full_parking_queue_the_message_is_kept() {
    let rig = start().await;
    let full = serde_json::json!({"max-length": 0, "overflow": "reject-publish"});
    rig.override_policy(PARKING_QUEUE, full).await;
    rig.relay.add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 unknown"));
    // A quorum queue lets some through before it refuses.
    let published = Cell::new(0);
    wait_for("a note to be refused", SOON, || async {
        published.set(published.get() + 1);
        rig.publish(&id(published.get()), "ada@example.org").await;
        rig.metrics().await.contains(r#"reason="parking_refused"} "#).then_some(())
    })
    .await;
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    wait_for("every message to be parked or kept", SOON, || async {
        let parked = rig.queued(PARKING_QUEUE).await?;
        let kept = rig.queued(RetryTier::Seconds45.queue_name()).await?;
        (parked + kept == u64::from(published.get()) && kept > 0).then_some(())
    })
    .await;
}
