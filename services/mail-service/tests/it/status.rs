//! Whether the mail server can be used is known before the first mail, and told with its reason; it never makes the
//! process unready.

use serde_json::json;
use test_kit::{
    port::free_port,
    proxy::{Mode, Proxy},
    servers::fresh_database,
    smtp::{Phase, Rule, SmtpServer},
};

use crate::rig::{Rig, SOON, apply_topology, id, setup};

/// Nobody has signed in, and the process is ready and alive all the same.
async fn assert_reason(rig: &Rig, reason: &str) {
    rig.wait_for_reason("rabbitmq", "").await;
    rig.wait_for_reason("redis", "").await;
    let told = rig.wait_for_reason("smtp", reason).await;
    assert_eq!((told.status, &told.body["ready"]), (200, &json!(true)), "{told:?}");
    assert_eq!(rig.livez().await, 200);
    assert!(told.body.get("lastDelivery").is_none(), "{told:?}");
    assert_not_counted(rig).await;
}

/// No try is a mail.
async fn assert_not_counted(rig: &Rig) {
    let metrics = rig.metrics().await;
    for line in [
        r#"ping_mail_sends_total{outcome="delivered",smtp_class="2xx"} 0"#,
        r#"ping_mail_sends_total{outcome="retry",smtp_class="4xx"} 0"#,
        r#"ping_mail_sends_total{outcome="retry",smtp_class="none"} 0"#,
        r#"ping_mail_sends_total{outcome="rejected",smtp_class="5xx"} 0"#,
        "ping_mail_time_to_accept_seconds_count 0",
    ] {
        assert!(metrics.contains(line), "{line} is not among\n{metrics}");
    }
    assert!(rig.relay.messages().is_empty());
}

#[tokio::test]
async fn a_mail_server_that_can_be_used_is_reported_before_the_first_mail_and_not_asked_again() {
    let relay = SmtpServer::builder().credentials("ping", "right").start().await;
    let login = ["--email-user=ping", "--email-password=right"];
    let rig = setup().await.relay(relay).with(&login).start().await;
    assert_reason(&rig, "").await;
    let tries = rig.relay.connections();
    rig.publish(&id(1), "ada@example.org").await;
    rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    rig.wait_for_readyz("the delivery to be told", |told| told.body["lastDelivery"].is_string()).await;
    assert_eq!(rig.relay.connections(), tries + 1, "the mail server was tried again");
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_told() {
    let rig = setup().await.with(&["--smtp-host=relay.invalid"]).start().await;
    assert_reason(&rig, "SmtpHostNotFound").await;
}

#[tokio::test]
async fn a_wrong_port_is_told() {
    let port = format!("--smtp-port={}", free_port());
    let rig = setup().await.with(&[port.as_str()]).start().await;
    assert_reason(&rig, "SmtpUnreachable").await;
}

#[tokio::test]
async fn a_mail_server_that_comes_later_is_usable_by_itself() {
    let relay = SmtpServer::start().await;
    relay.refuse_connections().await;
    let rig = setup().await.relay(relay).start().await;
    assert_reason(&rig, "SmtpUnreachable").await;
    rig.relay.accept_connections().await;
    assert_reason(&rig, "").await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_a_corrected_account_is_usable_by_itself() {
    let relay = SmtpServer::builder().credentials("ping", "right").start().await;
    let login = ["--email-user=ping", "--email-password=wr0ng"];
    let rig = setup().await.relay(relay).with(&login).start().await;
    assert_reason(&rig, "SmtpAuthenticationFailed").await;
    let told = rig.wait_for_reason("smtp", "SmtpAuthenticationFailed").await;
    assert!(!told.body.to_string().contains("wr0ng"), "{told:?}");

    let relay = SmtpServer::builder().credentials("ping", "right").start().await;
    relay.add_rule(Rule::reply(Phase::Auth, "535 5.7.8 ask Bob"));
    let login = ["--email-user=ping", "--email-password=right"];
    let rig = setup().await.relay(relay).with(&login).start().await;
    assert_reason(&rig, "SmtpAuthenticationFailed").await;
    rig.relay.clear_rules();
    assert_reason(&rig, "").await;
}

#[tokio::test]
async fn a_login_that_is_required_and_not_configured_is_told() {
    let relay = SmtpServer::builder().credentials("ping", "right").start().await;
    let rig = setup().await.relay(relay).start().await;
    assert_reason(&rig, "SmtpAuthenticationFailed").await;
}

#[tokio::test]
async fn a_refused_certificate_is_told_and_a_trusted_one_is_usable() {
    for mode in ["starttls", "implicit"] {
        let builder = SmtpServer::builder();
        let builder = if mode == "starttls" { builder.starttls() } else { builder.implicit_tls() };
        let relay = builder.start().await;
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, relay.certificate()).unwrap();
        let port = format!("--smtp-port={}", relay.port());
        let mode = format!("--smtp-tls={mode}");
        let arguments = ["--smtp-host=localhost", port.as_str(), mode.as_str()];
        let rig = setup().await.with(&arguments).start().await;
        assert_reason(&rig, "SmtpTlsFailed").await;
        let ca_file = format!("--smtp-ca-file={}", ca_file.display());
        let rig = setup().await.with(&arguments).with(&[ca_file.as_str()]).start().await;
        assert_reason(&rig, "").await;
    }
}

#[tokio::test]
async fn a_mail_server_without_the_encryption_that_is_asked_for_is_told() {
    let rig = setup().await.with(&["--smtp-tls=starttls"]).start().await;
    assert_reason(&rig, "SmtpTlsFailed").await;
}

#[tokio::test]
async fn a_refused_sender_a_refused_network_and_a_busy_server_are_told_apart_and_usable_once_they_give_in() {
    for (rule, reason) in [
        (Rule::reply(Phase::MailFrom, "550 5.7.1 not this sender"), "SmtpSenderRejected"),
        (Rule::reply(Phase::Connect, "554 5.7.1 not from there"), "SmtpClientRejected"),
        (Rule::reply(Phase::Connect, "421 4.7.0 too many connections"), "SmtpUnavailable"),
    ] {
        let relay = SmtpServer::start().await;
        relay.add_rule(rule);
        let rig = setup().await.relay(relay).start().await;
        assert_reason(&rig, reason).await;
        rig.relay.clear_rules();
        assert_reason(&rig, "").await;
    }
}

#[tokio::test]
async fn an_outage_that_pauses_the_consumer_is_told_with_the_last_delivery_and_its_end_too() {
    let rig = setup().await.with(&["--smtp-mails-per-connection=1"]).start().await;
    rig.publish(&id(1), "first@example.org").await;
    rig.relay.wait_for_message_to("first@example.org", SOON).await;
    rig.relay.refuse_connections().await;
    rig.publish(&id(2), "second@example.org").await;
    let away = rig.wait_for_reason("smtp", "SmtpUnreachable").await;
    assert_eq!(away.status, 200, "{away:?}");
    assert!(away.body["lastDelivery"].is_string(), "{away:?}");
    rig.wait_for_metric(r#"ping_mail_paused{reason="relay_unreachable"} 1"#).await;
    // Paused, and ready: what it waits for is the mail server.
    assert_eq!(rig.wait_for_reason("rabbitmq", "").await.status, 200);
    rig.relay.accept_connections().await;
    rig.relay.wait_for_message_to("second@example.org", SOON).await;
    rig.wait_for_reason("smtp", "").await;
}

#[tokio::test]
async fn a_server_that_is_too_busy_for_three_mails_in_a_row_is_told_and_tried_until_it_is_not() {
    let rig = setup().await.start().await;
    rig.wait_for_reason("smtp", "").await;
    rig.relay.add_rule(Rule::reply(Phase::RcptTo, "421 4.3.2 busy"));
    rig.relay.add_rule(Rule::reply(Phase::MailFrom, "421 4.3.2 busy"));
    for seed in 0..3 {
        rig.publish(&id(seed), &format!("p{seed}@example.org")).await;
    }
    rig.wait_for_reason("smtp", "SmtpUnavailable").await;
    rig.relay.clear_rules();
    rig.wait_for_reason("smtp", "").await;
    for seed in 0..3 {
        rig.relay.wait_for_message_to(&format!("p{seed}@example.org"), SOON).await;
    }
}

#[tokio::test]
async fn a_redis_that_goes_away_is_told_without_a_mail_and_the_process_stays_ready() {
    let url = fresh_database().await;
    let (address, database) = url.trim_start_matches("redis://").split_once('/').unwrap();
    let proxy = Proxy::start(address.parse().unwrap()).await;
    let rig = setup().await.redis_url(format!("redis://{}/{database}", proxy.address())).start().await;
    rig.wait_for_reason("redis", "").await;
    rig.wait_for_readyz("the process to be ready", |told| told.status == 200).await;
    proxy.set_mode(Mode::Refuse).await;
    proxy.cut_connections();
    let away = rig.wait_for_reason("redis", "RedisUnreachable").await;
    assert_eq!((away.status, rig.livez().await), (200, 200), "{away:?}");
    proxy.set_mode(Mode::Forward).await;
    rig.wait_for_reason("redis", "").await;
}

#[tokio::test]
async fn a_process_that_has_never_consumed_is_not_ready_and_says_why() {
    for (argument, reason) in [
        ("--rabbitmq-url=amqp://a:b@rabbitmq.invalid:5672/x", "RabbitMqHostNotFound"),
        ("--rabbitmq-url=amqp://a:b@127.0.0.1:1/x", "RabbitMqUnreachable"),
    ] {
        let rig = setup().await.with(&[argument]).start().await;
        let told = rig.wait_for_reason("rabbitmq", reason).await;
        assert_eq!((told.status, rig.livez().await), (503, 200), "{told:?}");
    }
}

#[tokio::test]
async fn a_queue_that_is_deleted_is_told_while_the_process_stays_ready() {
    let rig = setup().await.start().await;
    rig.wait_for_readyz("the process to be ready", |told| told.status == 200).await;
    let queue = rig.vhost.path("queues", ping_contract::topology::MAIL_QUEUE);
    rig.vhost.management().delete(&queue).await;
    let deleted = rig.wait_for_reason("rabbitmq", "QueueMissing").await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert!(apply_topology(&rig.vhost).await.is_empty());
    rig.wait_for_reason("rabbitmq", "").await;
}
