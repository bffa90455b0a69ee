//! What the cases share.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::{
    load::{Run, under_load},
    platform::Platform,
};
use test_kit::{smtp::Message, wait::wait_until};

/// For one event on a busy machine: three times the longest retry tier.
pub(crate) const DEADLINE: Duration = Duration::from_secs(135);
/// Logins a second while a fault is played.
pub(crate) const PER_SECOND: u32 = 100;
/// How long logins go on after a fault.
pub(crate) const AFTER: Duration = Duration::from_secs(2);
/// What may be in work in mail-service: prefetch; each of it may go out once more after a crash.
pub(crate) const IN_WORK: usize = 16;

/// Plays a fault under load and prints its row.
pub(crate) async fn play<F>(platform: &mut Platform, fault: &'static str, with: F) -> Run
where
    F: AsyncFnOnce(&mut Platform),
{
    let run = under_load(platform, fault, PER_SECOND, AFTER, with).await;
    println!("{run}");
    run
}

/// A login that must be answered 200.
pub(crate) async fn login(platform: &Platform, address: &str) {
    let answer = platform.client.login(address).await;
    assert_eq!(answer.as_ref().map(|answer| answer.status), Some(200), "{answer:?}");
}

/// A login that must be refused with 503 and a `Retry-After`.
pub(crate) async fn refused(platform: &Platform, address: &str) {
    let answer = platform.client.login(address).await.expect("no answer at all");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.retry_after.is_some(), "503 without Retry-After: {answer:?}");
}

/// Waits until a login is refused with 503, each try with an address of its own: a second one would be limited.
pub(crate) async fn refuses(platform: &Platform) {
    wait_until("logins to be refused with 503", DEADLINE, || async {
        let answer = platform.client.login(&format!("try-{:08x}@example.org", rand::random::<u32>())).await;
        answer.is_some_and(|answer| answer.status == 503)
    })
    .await;
}

/// Mails that the server took for `address`.
pub(crate) fn mails_to(platform: &Platform, address: &str) -> Vec<Message> {
    platform
        .smtp
        .delivered()
        .into_iter()
        .filter(|mail| mail.recipients.iter().any(|to| to == address))
        .collect()
}

/// Waits for the first mail to `address`.
pub(crate) async fn mailed(platform: &Platform, address: &str) {
    wait_until("a mail", DEADLINE, || async { !mails_to(platform, address).is_empty() }).await;
}

/// Waits until `queue` holds exactly `messages`, unacknowledged ones included.
pub(crate) async fn depth(platform: &Platform, queue: &str, messages: u64) {
    let what = format!("{queue} to hold {messages}");
    wait_until(&what, DEADLINE, || async { platform.queue_depth(queue).await == Some(messages) }).await;
}

/// Puts a message straight into `send-otp`, as the original's services do.
pub(crate) async fn publish(platform: &Platform, payload: &str) {
    let message = json!({"properties": {"delivery_mode": 2}, "routing_key": "send-otp", "payload": payload, "payload_encoding": "string"});
    let answer =
        platform.rabbitmq.management().post("/api/exchanges/%2F/amq.default/publish", &message).await;
    assert_eq!(answer["routed"], true, "the broker routed it nowhere");
}

/// What lies first in the parking queue, as its reader sees it.
pub(crate) async fn parked(platform: &Platform) -> Value {
    wait_until("a parked message", DEADLINE, || async {
        platform.queue_depth("send-otp.dead").await.is_some_and(|messages| messages > 0)
    })
    .await;
    let get = json!({"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"});
    platform.rabbitmq.management().post("/api/queues/%2F/send-otp.dead/get", &get).await
}

/// Waits until mail-service says that it pauses for `reason`, or no longer does.
pub(crate) async fn paused(platform: &Platform, reason: &str, paused: bool) {
    let metric = format!("ping_mail_paused{{reason=\"{reason}\"}}");
    let value = if paused { 1.0 } else { 0.0 };
    let what = format!("{metric} to be {value}");
    wait_until(&what, DEADLINE, || async {
        (platform.mail_service_metric(&metric).await - value).abs() < 0.5
    })
    .await;
}
