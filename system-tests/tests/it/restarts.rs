//! Each process is restarted while 200 logins a second run for 20 seconds: every 200 is mailed, and nothing else.

use std::time::Duration;

use system_tests::{load::under_load, platform::Platform};
use tokio::time::Instant;

const PER_SECOND: u32 = 200;
/// How long logins go on after the restart.
const AFTER: Duration = Duration::from_secs(15);
/// What may be in work in mail-service: prefetch; each of it may go out once more after a crash.
const IN_WORK: usize = 16;

async fn survives<F>(process: &'static str, doubles: usize, restart: F)
where
    F: AsyncFnOnce(&mut Platform),
{
    let mut platform = Platform::start().await;
    let run = under_load(&mut platform, process, PER_SECOND, AFTER, restart).await;
    println!("{run}");
    run.assert_promises(doubles);
}

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
