//! The broker dies, refuses, loses a queue, is cut off. Cases 4, 6, 7, 9, 25. (5 runs at the publisher crate's own pace, and 8 as a
//! plan: both in the crates' own tests.)

use std::time::Duration;

use serde_json::json;
use system_tests::platform::{Platform, Setup};
use test_kit::{
    proxy::Mode,
    servers::SmallDisk,
    smtp::{Phase, Rule},
    wait::wait_until,
};
use tokio::time::Instant;

use crate::rig::{DEADLINE, IN_WORK, depth, login, mailed, parked, play, refused, refuses};

/// How long user-service waits for a confirm.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);
/// In flight are at most a publish timeout's worth, three times.
const IN_FLIGHT_DEADLINE: Duration = Duration::from_secs(9);

#[tokio::test]
async fn case_04_killed_during_publishes_logins_in_flight_are_refused_in_time() {
    let mut platform = Platform::start().await;
    let run = play(&mut platform, "4 broker killed", async |platform| {
        platform.rabbitmq.kill9().await;
        platform.rabbitmq.restart().await;
    })
    .await;
    assert!(run.slowest < IN_FLIGHT_DEADLINE, "an answer took {:?}", run.slowest);
    run.assert_promises(IN_WORK);
}

#[tokio::test]
async fn case_06_in_disk_alarm_logins_are_refused_at_once_and_the_queue_drains() {
    const SIZE: u64 = 512 << 20;
    let setup = Setup {
        rabbitmq: vec!["disk_free_limit.absolute = 50MB"],
        rabbitmq_disk: Some(SmallDisk::mount(SIZE)),
        ..Setup::default()
    };
    let mut platform = Platform::start_with(setup).await;
    let run = play(&mut platform, "6 disk alarm", async |platform| {
        platform.rabbitmq.process.disk().expect("a small disk").fill_but(20 << 20);
        refused_at_once(platform).await;
        depth(platform, "send-otp", 0).await;
        platform.rabbitmq.process.disk().expect("a small disk").free();
    })
    .await;
    run.assert_promises(0);
}

#[tokio::test]
async fn case_06_in_memory_alarm_logins_are_refused_at_once_and_the_queue_drains() {
    let mut platform = Platform::start().await;
    let run = play(&mut platform, "6 memory alarm", async |platform| {
        platform.rabbitmq.ctl(&["set_vm_memory_high_watermark", "absolute", "1MB"]).await;
        refused_at_once(platform).await;
        depth(platform, "send-otp", 0).await;
        platform.rabbitmq.ctl(&["set_vm_memory_high_watermark", "0.6"]).await;
    })
    .await;
    run.assert_promises(0);
}

/// Once user-service knows of the alarm (without that it would only see lost connections), ten logins one after the other are
/// refused in less than a third of the time that they would wait for confirms.
async fn refused_at_once(platform: &Platform) {
    wait_until("user-service to know of the alarm", DEADLINE, || async {
        !platform.user_service.output().containing("Blocked").is_empty()
    })
    .await;
    refuses(platform).await;
    let began = Instant::now();
    for number in 0..10 {
        refused(platform, &format!("alarm-{number}@example.org")).await;
    }
    assert!(
        began.elapsed() < PUBLISH_TIMEOUT * 10 / 3,
        "ten refusals took {:?}: not at once",
        began.elapsed()
    );
}

#[tokio::test]
async fn case_07_a_deleted_queue_refuses_logins_until_the_topology_is_applied_again() {
    let platform = Platform::start().await;
    login(&platform, "before@example.org").await;
    mailed(&platform, "before@example.org").await;
    depth(&platform, "send-otp", 0).await;
    platform.rabbitmq.management().delete("/api/queues/%2F/send-otp").await;
    for service in [&platform.user_service, &platform.mail_service] {
        assert_eq!(service.wait_for_reason("rabbitmq", "QueueMissing").await.status, 200);
    }
    refused(&platform, "without@example.org").await;
    platform.apply_topology().await;
    wait_until("a login to work with the new queue", DEADLINE, || async {
        platform.client.login("after@example.org").await.is_some_and(|answer| answer.status == 200)
    })
    .await;
    mailed(&platform, "after@example.org").await;
    platform.mail_service.wait_for_reason("rabbitmq", "").await;
}

#[tokio::test]
async fn case_09_without_a_parking_queue_a_refused_mail_is_kept_and_parked_later() {
    let platform = Platform::start().await;
    platform
        .smtp
        .add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 no such user").to_recipient("gone@example.org"));
    platform.rabbitmq.management().delete("/api/queues/%2F/send-otp.dead").await;
    login(&platform, "gone@example.org").await;
    let metric = r#"ping_mail_retries_total{tier="send-otp.retry.45s",reason="parking_refused"}"#;
    wait_until("the mail to be kept for another try", DEADLINE, || async {
        platform.mail_service_metric(metric).await > 0.5
    })
    .await;
    platform.apply_topology().await;
    assert!(parked(&platform).await.to_string().contains("refused"));
    depth(&platform, "send-otp", 0).await;
}

#[tokio::test]
async fn case_09_with_a_full_parking_queue_a_refused_mail_is_kept_and_parked_later() {
    let platform = Platform::start().await;
    let full = json!({
        "pattern": "^send-otp\\.dead$", "apply-to": "quorum_queues", "priority": 999,
        "definition": {"max-length": 0, "overflow": "reject-publish"},
    });
    let management = platform.rabbitmq.management();
    management.put("/api/policies/%2F/full", &full).await;
    let is_full = |queue: &serde_json::Value| queue["policy"] == "full";
    management.wait_for("the parking queue to be full", "/api/queues/%2F/send-otp.dead", is_full).await;
    platform.smtp.add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 no such user"));
    // A quorum queue refuses once it holds more than its length: the first may still fit.
    for number in 0..5 {
        login(&platform, &format!("gone-{number}@example.org")).await;
    }
    let metric = r#"ping_mail_retries_total{tier="send-otp.retry.45s",reason="parking_refused"}"#;
    wait_until("a mail to be kept for another try", DEADLINE, || async {
        platform.mail_service_metric(metric).await > 0.5
    })
    .await;
    management.delete("/api/policies/%2F/full").await;
    depth(&platform, "send-otp.dead", 5).await;
}

#[tokio::test]
async fn case_25_cut_off_from_the_broker_heartbeats_end_the_connection_and_nothing_is_lost() {
    let mut platform = Platform::start().await;
    let run = play(&mut platform, "25 consumer cut off", async |platform| {
        let service_mark = platform.mail_service.output().mark();
        let broker_mark = platform.rabbitmq.process.log().len();
        platform.consumer_proxy.set_mode(Mode::BlackHole).await;
        // Until then the broker keeps for the dead consumer what it had sent to it.
        wait_until("the broker to end the connection by its heartbeats", DEADLINE, || async {
            platform.rabbitmq.process.log()[broker_mark..].contains("missed heartbeats from client")
        })
        .await;
        wait_until("mail-service to leave the connection", DEADLINE, || async {
            let left = "consumer connection is replaced";
            !platform.mail_service.output().containing_since(service_mark, left).is_empty()
        })
        .await;
        wait_until("the messages in work to be in the queue again", DEADLINE, || async {
            let queue = platform.rabbitmq.management().get("/api/queues/%2F/send-otp").await;
            queue.is_some_and(|queue| queue["messages_unacknowledged"] == 0 && queue["messages_ready"] != 0)
        })
        .await;
        platform.consumer_proxy.cut_connections();
        platform.consumer_proxy.set_mode(Mode::Forward).await;
    })
    .await;
    run.assert_promises(IN_WORK);
}
