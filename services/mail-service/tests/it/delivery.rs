//! From the queue to the mail server.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{Date, Headers};
use ping_contract::{
    event::{EXPIRES_AT_HEADER, ISSUED_AT_HEADER},
    keys,
    topology::{MAIL_QUEUE, PARKING_QUEUE},
};

use crate::rig::{CODE, SOON, event, id, message_id, start};

#[tokio::test]
async fn an_event_becomes_a_mail_with_its_fields() {
    let rig = start().await;
    rig.publish(&id(1), "ada@example.org").await;
    let mail = rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    assert_eq!((mail.sender.as_str(), mail.recipients.len()), ("no-reply@ping.example", 1));
    assert_eq!(mail.message_id(), Some(message_id(&id(1))));
    assert_eq!(mail.header("To").as_deref(), Some("ada@example.org"));
    assert_eq!(mail.header("Subject").as_deref(), Some("Your OTP Code"));
    assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(mail.header("X-Auto-Response-Suppress").as_deref(), Some("OOF, AutoReply"));
    assert!(mail.header("Date").is_some());
    assert_eq!(mail.code().as_deref(), Some(CODE));
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    rig.wait_for_metric(r#"ping_mail_sends_total{outcome="delivered",smtp_class="2xx"} 1"#).await;
}

#[tokio::test]
async fn a_mail_is_dated_with_the_moment_at_which_its_code_was_made() {
    let rig = start().await;
    let now = rig.now_ms().await;
    let issued = now - 120_000;
    let headers = vec![(ISSUED_AT_HEADER, issued.into()), (EXPIRES_AT_HEADER, (now + 180_000).into())];
    rig.publish_with(event(&id(1), "ada@example.org").to_json(), headers).await;
    let mail = rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    let mut date = Headers::new();
    date.set(Date::from(UNIX_EPOCH + Duration::from_millis(issued.try_into().unwrap())));
    let text = String::from_utf8(mail.data).unwrap();
    assert!(text.contains(&date.to_string()), "{text} lacks {date}");
}

#[tokio::test]
async fn a_json_string_that_holds_the_event_is_mailed() {
    let rig = start().await;
    let inner = String::from_utf8(event(&id(1), "ada@example.org").to_json()).unwrap();
    rig.publish_with(serde_json::to_vec(&inner).unwrap(), vec![]).await;
    let mail = rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    assert_eq!((mail.message_id(), mail.code().as_deref()), (Some(message_id(&id(1))), Some(CODE)));
}

#[tokio::test]
async fn a_plain_event_published_straight_to_the_queue_is_mailed() {
    let rig = start().await;
    rig.publish_to_queue(br#"{"to":"ada@example.org","subject":"Any subject","body":"Any text, 482931"}"#)
        .await;
    let mail = rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    assert_eq!(mail.header("Subject").as_deref(), Some("Any subject"));
    let message_id = mail.message_id().unwrap();
    assert!(message_id.ends_with("@ping.example>") && message_id.len() == 47, "{message_id}");
}

/// What a crash between the mail server's 250 and the ack leaves: the mark, and a redelivery.
#[tokio::test]
async fn a_redelivery_after_the_250_gives_no_second_mail() {
    let rig = start().await;
    let mark = keys::mail_sent(&id(1));
    redis::cmd("SET").arg(&mark).arg(1).exec_async(&mut rig.redis.clone()).await.unwrap();
    rig.publish(&id(1), "ada@example.org").await;
    rig.wait_for_metric(r#"ping_mail_sends_total{outcome="already_sent",smtp_class="none"} 1"#).await;
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    assert!(rig.relay.messages().is_empty());
}

#[tokio::test]
async fn an_accepted_mail_is_marked_for_as_long_as_its_code_lives() {
    let rig = start().await;
    rig.publish(&id(1), "ada@example.org").await;
    rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    let mark = keys::mail_sent(&id(1));
    let left = redis::cmd("TTL").arg(&mark).query_async::<i64>(&mut rig.redis.clone()).await.unwrap();
    assert!((300..=360).contains(&left), "the mark lives {left} s");
}

#[tokio::test]
async fn an_expired_event_is_dropped_and_counted() {
    let rig = start().await;
    let expired = rig.now_ms().await - 1;
    let body = event(&id(1), "ada@example.org").to_json();
    rig.publish_with(body, vec![(EXPIRES_AT_HEADER, expired.into())]).await;
    rig.wait_for_metric("ping_mail_expired_total 1").await;
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    rig.wait_for_queued(PARKING_QUEUE, 0).await;
    assert!(rig.relay.messages().is_empty());
}

/// Also that one slow mail holds up no other: the first waits for five seconds, thirty others do not.
#[tokio::test]
async fn a_slow_mail_holds_up_no_other() {
    use test_kit::smtp::{Action, Phase, Rule};
    let rig = start().await;
    let slow =
        Rule::new(Phase::RcptTo, Action::Drip(Duration::from_secs(1))).to_recipient("slow@example.org");
    let silent = Rule::new(Phase::DataEnd, Action::Silence).to_recipient("silent@example.org");
    rig.relay.add_rule(slow);
    rig.relay.add_rule(silent);
    rig.publish(&id(200), "slow@example.org").await;
    rig.publish(&id(201), "silent@example.org").await;
    for seed in 0..30 {
        rig.publish(&id(seed), &format!("p{seed}@example.org")).await;
    }
    for seed in 0..30 {
        rig.relay.wait_for_message_to(&format!("p{seed}@example.org"), SOON).await;
    }
    assert!(rig.relay.delivered_to("slow@example.org").is_empty(), "the slow one was to be still in work");
    rig.relay.wait_for_message_to("slow@example.org", SOON).await;
}
