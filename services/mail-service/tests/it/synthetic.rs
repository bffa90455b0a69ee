//! Mails of synthetic sign-ins go to the sink, and the mail server never sees them.

use std::time::Duration;

use ping_contract::{synthetic, topology::MAIL_QUEUE};
use test_kit::smtp::{Action, Phase, Rule, SmtpServer};

use crate::rig::{CODE, Rig, SOON, id, setup, start};

const ADA: &str = "ada@example.org";

async fn start_with(sink: &SmtpServer) -> Rig {
    let sink = format!("--synthetic-sink=127.0.0.1:{}", sink.port());
    setup().await.relay(relay().await).with(&[&sink, "--email-user=u", "--email-password=p"]).start().await
}

/// A mail server that wants a password, which the sink must never be sent.
async fn relay() -> SmtpServer {
    SmtpServer::builder().credentials("u", "p").start().await
}

#[tokio::test]
async fn a_mail_of_a_synthetic_sign_in_goes_to_the_sink_alone_and_without_the_password() {
    let sink = SmtpServer::start().await;
    let rig = start_with(&sink).await;
    let address = synthetic::address(7);
    rig.publish(&id(1), &address).await;
    rig.publish(&id(2), ADA).await;
    let mail = sink.wait_for_message_to(&address, SOON).await;
    assert_eq!(mail.code().as_deref(), Some(CODE));
    rig.relay.wait_for_message_to(ADA, SOON).await;
    assert_eq!(rig.relay.delivered_to(&address).len(), 0);
    assert_eq!(sink.delivered_to(ADA).len(), 0);
}

#[tokio::test]
async fn without_a_sink_such_a_mail_goes_the_usual_way() {
    let rig = start().await;
    let address = synthetic::address(7);
    rig.publish(&id(1), &address).await;
    rig.relay.wait_for_message_to(&address, SOON).await;
}

#[tokio::test]
async fn a_sink_that_is_away_or_refuses_keeps_nobodys_mail_back_and_parks_nothing() {
    for refuses in [false, true] {
        let sink = SmtpServer::start().await;
        if refuses {
            sink.add_rule(Rule::new(Phase::MailFrom, Action::Reply(b"550 5.7.1 not yours".to_vec())));
        } else {
            sink.refuse_connections().await;
        }
        let rig = start_with(&sink).await;
        rig.publish(&id(1), &synthetic::address(7)).await;
        rig.wait_for_metric(r#"ping_mail_retries_total{tier="send-otp.retry.5s",reason="sink_failed"} 1"#)
            .await;
        rig.publish(&id(2), ADA).await;
        rig.relay.wait_for_message_to(ADA, SOON).await;
        rig.wait_for_readyz("the mail server to be usable", |answer| answer.reason("smtp") == Some("")).await;
        rig.wait_for_metric(r#"ping_mail_retries_total{tier="send-otp.retry.15s",reason="sink_failed"} 1"#)
            .await;
        rig.wait_for_metric(r#"ping_mail_sends_total{outcome="retry",smtp_class="none"} 3"#).await;
        rig.wait_for_queued(MAIL_QUEUE, 0).await;
        let metrics = rig.metrics().await;
        let parked = metrics.lines().filter(|line| line.starts_with("ping_mail_parked_total"));
        assert!(parked.into_iter().all(|line| line.ends_with(" 0")), "{metrics}");
        let paused = metrics.lines().filter(|line| line.starts_with("ping_mail_paused{"));
        assert!(paused.into_iter().all(|line| line.ends_with(" 0")), "{metrics}");
    }
}

#[tokio::test]
async fn a_sink_that_comes_back_gets_the_mail() {
    let sink = SmtpServer::start().await;
    sink.refuse_connections().await;
    let rig = start_with(&sink).await;
    let address = synthetic::address(7);
    rig.publish(&id(1), &address).await;
    rig.wait_for_metric(r#"ping_mail_retries_total{tier="send-otp.retry.5s",reason="sink_failed"} 1"#).await;
    sink.accept_connections().await;
    sink.wait_for_message_to(&address, SOON + Duration::from_secs(15)).await;
}
