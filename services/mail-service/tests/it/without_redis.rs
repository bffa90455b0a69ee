//! Without `REDIS_URL`, as the original mail-service runs: nothing is remembered, and the local clock judges expiry.

use std::{
    process::{Command, Stdio},
    time::SystemTime,
};

use ping_contract::{event::EXPIRES_AT_HEADER, topology::MAIL_QUEUE};
use test_kit::{port::free_port, readyz::Readyz, smtp::SmtpServer, vhost::Vhost};

use crate::rig::{CODE, Rig, SOON, apply_topology, event, id, setup};

async fn start() -> Rig {
    setup().await.without_redis().start().await
}

/// On the clock of this machine, in so many milliseconds from now.
fn in_ms(from_now: i64) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap() + from_now
}

#[tokio::test]
async fn without_redis_the_service_is_ready_and_delivers() {
    let rig = start().await;
    let readyz = rig.wait_for_reason("rabbitmq", "").await;
    assert_eq!(readyz.status, 200, "{readyz:?}");
    let checks = readyz.body["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["name"] != "redis"), "{readyz:?}");
    rig.publish_with(
        event(&id(1), "ada@example.org").to_json(),
        vec![(EXPIRES_AT_HEADER, in_ms(60_000).into())],
    )
    .await;
    let mail = rig.relay.wait_for_message_to("ada@example.org", SOON).await;
    assert!(mail.body().contains(CODE), "{}", mail.body());
    rig.publish_to_queue(br#"{"to":"bob@example.org","subject":"s","body":"b"}"#).await;
    rig.relay.wait_for_message_to("bob@example.org", SOON).await;
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
}

#[tokio::test]
async fn without_redis_an_event_that_has_expired_by_the_local_clock_is_dropped() {
    let rig = start().await;
    rig.publish_with(
        event(&id(2), "ada@example.org").to_json(),
        vec![(EXPIRES_AT_HEADER, in_ms(-1000).into())],
    )
    .await;
    rig.wait_for_metric("ping_mail_expired_total 1").await;
    rig.wait_for_queued(MAIL_QUEUE, 0).await;
    assert!(rig.relay.messages().is_empty());
}

#[tokio::test]
async fn without_redis_an_event_that_comes_twice_is_mailed_twice_with_one_message_id() {
    let rig = start().await;
    for _ in 0..2 {
        let headers = vec![(EXPIRES_AT_HEADER, in_ms(60_000).into())];
        rig.publish_with(event(&id(3), "ada@example.org").to_json(), headers).await;
    }
    rig.wait_for_metric(r#"ping_mail_sends_total{outcome="delivered",smtp_class="2xx"} 2"#).await;
    let mails = rig.relay.messages();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    test_kit::environment::assert_empty_is_unset(env!("CARGO_BIN_EXE_mail-service"));
}

#[tokio::test]
async fn an_empty_redis_url_is_none_and_said_once() {
    let vhost = Vhost::create().await;
    apply_topology(&vhost).await;
    let (relay, port) = (SmtpServer::start().await, free_port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    command.env_clear().env("REDIS_URL", "").env("RABBITMQ_URL", vhost.amqp_url()).env("SMTP_TLS", "none");
    command.env("SMTP_HOST", "127.0.0.1").env("SMTP_PORT", relay.port().to_string());
    command.env("MAIL_FROM", "no-reply@ping.example").env("MANAGEMENT_PORT", port.to_string());
    let mut service = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    Readyz::wait_for(port, "rabbitmq", "").await;
    service.kill().unwrap();
    let output = service.wait_with_output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(text.matches("REDIS_URL is not set").count(), 1, "{text}");
}
