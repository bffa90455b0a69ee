//! Events of other publishers, straight to the queue: what the original mailed is mailed.

use ping_contract::topology::MAIL_QUEUE;
use test_kit::smtp::{Phase, Rule};

use crate::rig::{Rig, SOON, setup, start};

#[tokio::test]
async fn every_form_of_recipient_that_the_original_mailed_is_mailed() {
    let rig = setup().await.with(&["--mail-local-domains=localhost"]).start().await;
    for (event, recipient) in [
        (r#"{"to":"Ada <ada@example.org>","subject":"s","body":"b"}"#, "ada@example.org"),
        (r#"{"to":["bob@example.org"],"subject":"s","body":"b"}"#, "bob@example.org"),
        (r#"{"to":"root@localhost","subject":"s","body":"b"}"#, "root@localhost"),
        (r#"{"to":{"name":"Cy","address":"cy@example.org"},"subject":"s","body":"b"}"#, "cy@example.org"),
        (r#"{"to":[["Dee <dee@example.org>"]],"subject":"s","body":7}"#, "dee@example.org"),
        (r#"{"to":"fay@example.org","cc":"gus@example.org","subject":"s","body":null}"#, "fay@example.org"),
        (r#"{"id":"order-7","to":"hal@example.org","subject":"s","body":"b"}"#, "hal@example.org"),
    ] {
        rig.publish_to_queue(event.as_bytes()).await;
        let mail = rig.relay.wait_for_message_to(recipient, SOON).await;
        assert_eq!((mail.recipients.len(), mail.header("Subject").as_deref()), (1, Some("s")), "{event}");
    }
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
}

#[tokio::test]
async fn a_mail_without_subject_or_body_is_mailed() {
    let rig = start().await;
    rig.publish_to_queue(br#"{"to":"ada@example.org","body":"b"}"#).await;
    let mail = rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    assert!(mail.header("Subject").unwrap_or_default().is_empty(), "{mail:?}");
    rig.publish_to_queue(br#"{"to":"bob@example.org","subject":"s"}"#).await;
    rig.relay.wait_for_message_to("bob@example.org", SOON).await;
}

async fn a_list_is_mailed_to_those_who_are_taken(rig: Rig) {
    rig.relay.add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 unknown").to_recipient("bob@example.org"));
    let event = br#"{"to":"ada@example.org, bob@example.org, eve@example.org","subject":"s","body":"b"}"#;
    rig.publish_to_queue(event).await;
    let mail = rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    assert_eq!(mail.recipients, ["ada@example.org", "eve@example.org"]);
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    // The session is in step, and carries the next mail.
    rig.publish_to_queue(br#"{"to":"zoe@example.org","subject":"s","body":"b"}"#).await;
    let next = rig.relay.wait_for_message_to("zoe@example.org", SOON).await;
    assert_eq!((next.connection, rig.relay.messages().len()), (mail.connection, 2));
}

#[tokio::test]
async fn a_list_is_one_mail_to_those_whom_the_mail_server_takes() {
    a_list_is_mailed_to_those_who_are_taken(start().await).await;
}

#[tokio::test]
async fn a_list_is_one_mail_over_a_pipelined_session_too() {
    let rig = start().await;
    rig.relay.add_rule(Rule::reply(Phase::Hello, "250-localhost\r\n250 PIPELINING"));
    a_list_is_mailed_to_those_who_are_taken(rig).await;
}
