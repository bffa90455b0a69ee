//! Trouble that is not a message's: nothing is consumed, nothing is lost, and it goes on by itself.

use std::time::Duration;

use ping_contract::topology::{MAIL_QUEUE, PARKING_QUEUE, RetryTier};
use test_kit::{
    proxy::{Mode, Proxy},
    servers::fresh_database,
    smtp::{Phase, Rule, SmtpServer},
    wait::wait_until,
};

use crate::rig::{Rig, SOON, id, setup, start};

/// Five events wait in the queue, none is parked or retried; after `mend` all five arrive.
async fn waits_and_resumes(rig: &Rig, reason: &str, mend: impl AsyncFnOnce()) {
    for seed in 0..5 {
        rig.publish(&id(seed), &format!("p{seed}@example.org")).await;
    }
    rig.wait_for_metric(&format!(r#"ping_mail_paused{{reason="{reason}"}} 1"#)).await;
    rig.wait_for_queued(MAIL_QUEUE, 5).await;
    mend().await;
    for seed in 0..5 {
        rig.relay.wait_for_message_to(&format!("p{seed}@example.org"), SOON).await;
    }
    rig.wait_for_metric(&format!(r#"ping_mail_paused{{reason="{reason}"}} 0"#)).await;
    for queue in [MAIL_QUEUE, PARKING_QUEUE, RetryTier::Seconds5.queue_name()] {
        rig.wait_for_queued(queue, 0).await;
    }
    assert_eq!(rig.relay.delivered().len(), 5);
}

#[tokio::test]
async fn a_refused_login_pauses_and_resumes() {
    let relay = SmtpServer::builder().credentials("ping", "right").start().await;
    let setup = setup().await.relay(relay).with(&["--email-user=ping", "--email-password=right"]);
    let rig = setup.start().await;
    rig.relay.add_rule(Rule::reply(Phase::Auth, "535 5.7.8 wrong"));
    waits_and_resumes(&rig, "login_refused", async || rig.relay.clear_rules()).await;
}

#[tokio::test]
async fn a_relay_that_is_away_pauses_and_resumes() {
    let rig = start().await;
    rig.relay.refuse_connections().await;
    waits_and_resumes(&rig, "relay_unreachable", async || rig.relay.accept_connections().await).await;
}

#[tokio::test]
async fn a_relay_that_refuses_our_sender_pauses_and_resumes() {
    let rig = start().await;
    rig.relay.add_rule(Rule::reply(Phase::MailFrom, "550 5.7.1 sender unknown"));
    waits_and_resumes(&rig, "sender_refused", async || rig.relay.clear_rules()).await;
}

/// As Exchange, Amazon SES and `SendGrid` do it: MAIL and RCPT are taken, the message is not.
#[tokio::test]
async fn a_relay_that_refuses_our_sender_with_the_message_pauses_at_the_second_mail_and_resumes() {
    for answer in [
        "554 5.2.252 SendAsDenied; ping@example.org not allowed to send as no-reply@ping.example",
        "550 The from address does not match a verified Sender Identity",
    ] {
        let rig = start().await;
        rig.relay.add_rule(Rule::reply(Phase::DataEnd, answer));
        for seed in 0..5 {
            rig.publish(&id(seed), &format!("p{seed}@example.org")).await;
        }
        rig.wait_for_metric(r#"ping_mail_paused{reason="sender_refused"} 1"#).await;
        rig.wait_for_reason("smtp", "SmtpSenderRejected").await;
        // MAIL is taken by each probe: that does not end it.
        wait_until("several probes", SOON, || async { rig.relay.messages().len() >= 10 }).await;
        rig.wait_for_reason("smtp", "SmtpSenderRejected").await;
        rig.relay.clear_rules();
        for seed in 0..5 {
            rig.relay.wait_for_message_to(&format!("p{seed}@example.org"), SOON).await;
        }
        rig.wait_for_metric(r#"ping_mail_paused{reason="sender_refused"} 0"#).await;
        rig.wait_for_reason("smtp", "").await;
        for queue in [MAIL_QUEUE, PARKING_QUEUE, RetryTier::Seconds5.queue_name()] {
            rig.wait_for_queued(queue, 0).await;
        }
        assert_eq!(rig.relay.delivered().len(), 5, "{answer}");
    }
}

#[tokio::test]
async fn one_odd_answer_about_the_sender_pauses_nothing_and_the_mail_arrives() {
    let rig = start().await;
    rig.relay
        .add_rule(Rule::reply(Phase::DataEnd, "550 5.7.60 no permission to send as this sender").times(1));
    rig.publish(&id(1), "ada@example.org").await;
    rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    let metrics = rig.metrics().await;
    assert!(metrics.contains(r#"ping_mail_paused{reason="sender_refused"} 0"#), "{metrics}");
    rig.wait_for_queued(PARKING_QUEUE, 0).await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve_pauses() {
    let rig = setup().await.with(&["--smtp-host=relay.invalid"]).start().await;
    rig.publish(&id(1), "ada@example.org").await;
    rig.wait_for_metric(r#"ping_mail_paused{reason="relay_unreachable"} 1"#).await;
    rig.wait_for_queued(MAIL_QUEUE, 1).await;
}

/// A black hole and not a refusal: the connection that redis-rs would keep for ever.
#[tokio::test]
async fn a_redis_that_a_network_swallowed_pauses_and_resumes() {
    let url = fresh_database().await;
    let (address, database) = url.trim_start_matches("redis://").split_once('/').unwrap();
    let proxy = Proxy::start(address.parse().unwrap()).await;
    let through = format!("redis://{}/{database}", proxy.address());
    let rig = setup().await.redis_url(through).start().await;
    rig.publish(&id(100), "first@example.org").await;
    rig.relay.wait_for_message_to("first@example.org", SOON).await;
    proxy.set_mode(Mode::BlackHole).await;
    let mut rig = rig;
    rig.redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    rig.publish(&id(1), "ada@example.org").await;
    rig.wait_for_metric(r#"ping_mail_paused{reason="redis_silent"} 1"#).await;
    rig.wait_for_queued(MAIL_QUEUE, 1).await;
    assert_eq!(rig.relay.delivered().len(), 1);
    proxy.set_mode(Mode::Forward).await;
    rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    assert_eq!(rig.relay.delivered_to("ada@example.org").len(), 1);
}

#[tokio::test]
async fn the_end_of_the_process_ends_a_pause() {
    let rig = start().await;
    rig.relay.refuse_connections().await;
    rig.publish(&id(1), "ada@example.org").await;
    rig.wait_for_metric(r#"ping_mail_paused{reason="relay_unreachable"} 1"#).await;
    rig.trigger_shutdown();
    let (finish, vhost, _) = rig.finish(Duration::from_secs(30)).await;
    assert_eq!(finish, service_kit::shutdown::Finish::Clean);
    let path = vhost.path("queues", MAIL_QUEUE);
    vhost.management().wait_for("the message to be ready again", &path, |q| q["messages_ready"] == 1).await;
}
