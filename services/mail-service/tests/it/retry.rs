//! What is tried again.

use ping_contract::topology::MAIL_QUEUE;
use test_kit::smtp::{Phase, Rule, Verdict};

use crate::rig::{SOON, id, message_id, start};

/// 421 takes the tier of 5 s, 451 that of 15 s.
#[tokio::test]
async fn a_421_and_a_451_are_retried_by_tier_with_the_same_bytes() {
    let rig = start().await;
    let busy = Rule::reply(Phase::DataEnd, "421 4.3.2 busy").to_recipient("busy@example.org").times(1);
    let deferred =
        Rule::reply(Phase::DataEnd, "451 4.7.1 greylisted").to_recipient("grey@example.org").times(1);
    rig.relay.add_rule(busy);
    rig.relay.add_rule(deferred);
    rig.publish(&id(1), "busy@example.org").await;
    rig.publish(&id(2), "grey@example.org").await;
    for (address, seed, tier) in [("busy@example.org", 1, 5), ("grey@example.org", 2, 15)] {
        let second = rig.relay.wait_for_message_to(address, SOON).await;
        let tries = rig.relay.messages().into_iter().filter(|mail| mail.recipients[0] == address);
        let tries = tries.collect::<Vec<_>>();
        assert_eq!((tries.len(), tries[0].verdict), (2, Verdict::Refused), "{address}");
        assert_eq!(
            (tries[0].message_id(), second.message_id()),
            (Some(message_id(&id(seed))), Some(message_id(&id(seed))))
        );
        assert_eq!(tries[0].data, second.data, "{address}");
        let apart = second.received_at - tries[0].received_at;
        assert!(apart.as_secs() >= tier, "{address} was tried again after {apart:?}");
    }
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains(r#"ping_mail_retries_total{tier="send-otp.retry.5s",reason="busy"} 1"#),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"ping_mail_retries_total{tier="send-otp.retry.15s",reason="deferred"} 1"#),
        "{metrics}"
    );
}

/// The window that cannot be closed: taken by the server, unknown to us. The double has the same Message-ID.
#[tokio::test]
async fn a_connection_that_ends_before_the_250_gives_a_second_mail_with_the_same_message_id() {
    let rig = start().await;
    rig.relay.add_rule(Rule::record_and_close().times(1));
    rig.publish(&id(1), "ada@example.org").await;
    let mails = rig.relay.wait_for_delivered(2, SOON).await;
    assert_eq!(mails[0].verdict, Verdict::Unanswered);
    assert!(mails.iter().all(|mail| mail.message_id() == Some(message_id(&id(1)))));
}
