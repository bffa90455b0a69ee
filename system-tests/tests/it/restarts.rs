//! Each process is restarted while 200 logins a second run: every 200 is mailed, and nothing else.

use std::time::Duration;

use system_tests::{load::Account, platform::Platform};
use tokio::time::Instant;

const PER_SECOND: u32 = 200;
const RUN: Duration = Duration::from_secs(20);
/// When the restart begins.
const BEFORE: Duration = Duration::from_secs(5);

/// Runs the load with `restart` in it, and holds the promises. `doubles`: how many mails may come twice.
async fn survives<F>(name: &str, doubles: usize, restart: F)
where
    F: AsyncFnOnce(&mut Platform),
{
    let mut platform = Platform::start().await;
    let (account, client) = (Account::new(), platform.client.clone());
    let load = account.run(&client, PER_SECOND, RUN);
    let broken = async {
        tokio::time::sleep_until(Instant::now() + BEFORE).await;
        restart(&mut platform).await;
        let back = Instant::now();
        account.expect_recovery();
        back
    };
    let ((), back) = tokio::join!(load, broken);
    let report = account.settle(&platform.smtp).await;
    println!(
        "{name}: statuses {:?}, recovered {:?} after it was back, slowest answer {:?}, doubled {}\n{report}",
        account.statuses(),
        account.recovery_since(back),
        account.slowest(),
        report.extra_deliveries(),
    );
    assert!(account.recovery_since(back).is_some(), "no login was answered 200 after the restart");
    assert!(account.confirmed() > u64::from(PER_SECOND), "too few logins worked to say anything: {report}");
    report.assert_complete(doubles);
}

/// What may be in work in mail-service: prefetch; each of it may go out once more after a crash.
const IN_WORK: usize = 16;

#[tokio::test]
async fn every_confirmed_login_is_mailed_when_redis_is_killed_and_restarted() {
    // With Redis away nobody can be told that a mail is out: those in work may come again.
    survives("redis", IN_WORK, async |platform| {
        platform.redis.kill9().await;
        platform.redis.restart().await;
    })
    .await;
}

#[tokio::test]
async fn every_confirmed_login_is_mailed_when_rabbitmq_is_killed_and_restarted() {
    survives("rabbitmq", IN_WORK, async |platform| {
        platform.rabbitmq.kill9().await;
        platform.rabbitmq.restart().await;
    })
    .await;
}

#[tokio::test]
async fn every_confirmed_login_is_mailed_when_user_service_is_killed_and_restarted() {
    survives("user-service", 0, async |platform| platform.user_service.restart().await).await;
}

#[tokio::test]
async fn every_confirmed_login_is_mailed_when_mail_service_is_killed_and_restarted() {
    survives("mail-service", IN_WORK, async |platform| platform.mail_service.restart().await).await;
}

#[tokio::test]
async fn every_confirmed_login_is_mailed_when_the_mail_server_is_restarted() {
    survives("mail server", IN_WORK, async |platform| {
        platform.smtp.refuse_connections().await;
        tokio::time::sleep_until(Instant::now() + Duration::from_secs(2)).await;
        platform.smtp.accept_connections().await;
    })
    .await;
}
