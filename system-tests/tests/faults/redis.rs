//! Redis dies, is full, is cut off, is a replica, forgets its scripts. Cases 10 to 14.

use std::time::Duration;

use system_tests::platform::Platform;
use test_kit::{proxy::Mode, servers::RedisServer};
use tokio::time::Instant;

use crate::rig::{IN_WORK, login, mailed, mails_to, play, refused, refuses};

/// A command's time-out is 500 ms; a login has one, and a busy machine.
const REFUSAL_DEADLINE: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn case_10_while_redis_is_away_logins_are_refused_and_never_allowed() {
    let mut platform = Platform::start().await;
    let run = play(&mut platform, "10 redis killed", async |platform| {
        platform.redis.kill9().await;
        refused(platform, "away@example.org").await;
        let answer = platform.client.verify("away@example.org", "123456").await.expect("no answer");
        assert_eq!(answer.status, 503, "{answer:?}");
        platform.redis.restart().await;
    })
    .await;
    run.assert_promises(IN_WORK);
}

#[tokio::test]
async fn case_11_a_full_redis_refuses_and_nothing_is_half_written() {
    let platform = Platform::start().await;
    login(&platform, "full@example.org").await;
    mailed(&platform, "full@example.org").await;
    let before = platform.redis.command("DBSIZE").await.expect("no answer from Redis");
    platform.redis.command("CONFIG SET maxmemory 1").await.expect("no answer from Redis");
    refused(&platform, "other@example.org").await;
    assert_eq!(platform.redis.command("DBSIZE").await.expect("no answer from Redis"), before);
    platform.redis.command("CONFIG SET maxmemory 0").await.expect("no answer from Redis");
    login(&platform, "other@example.org").await;
    mailed(&platform, "other@example.org").await;
}

#[tokio::test]
async fn case_12_a_black_holed_redis_refuses_in_time_and_is_left_for_a_new_connection() {
    let mut platform = Platform::start().await;
    let run = play(&mut platform, "12 redis black hole", async |platform| {
        platform.redis_proxy.set_mode(Mode::BlackHole).await;
        for _ in 0..6 {
            let began = Instant::now();
            refused(platform, "hole@example.org").await;
            assert!(began.elapsed() < REFUSAL_DEADLINE, "refused only after {:?}", began.elapsed());
        }
        // The old connection stays a black hole for ever: only a new one can work.
        platform.redis_proxy.set_mode(Mode::Forward).await;
    })
    .await;
    run.assert_promises(IN_WORK);
}

#[tokio::test]
async fn case_13_a_redis_that_became_a_replica_is_left_until_it_is_promoted() {
    let mut platform = Platform::start().await;
    let other = RedisServer::start().await;
    let run = play(&mut platform, "13 redis read-only", async |platform| {
        let [host, port] = [other.address().ip().to_string(), other.address().port().to_string()];
        platform.redis.command(&format!("REPLICAOF {host} {port}")).await.expect("no answer from Redis");
        refuses(platform).await;
        platform.redis.command("REPLICAOF NO ONE").await.expect("no answer from Redis");
    })
    .await;
    run.assert_promises(IN_WORK);
    // The replica's data is the other's, without any code: that is an expired code, no error.
    let answer = platform.client.verify("load-000000@example.org", "000000").await.expect("no answer");
    assert_eq!((answer.status, &answer.body["message"]), (400, &"Invalid or expired OTP".into()));
}

#[tokio::test]
async fn case_14_forgotten_scripts_are_invisible() {
    let platform = Platform::start().await;
    for number in 0..20 {
        platform.redis.command("SCRIPT FLUSH").await.expect("no answer from Redis");
        let address = format!("flush-{number}@example.org");
        login(&platform, &address).await;
        mailed(&platform, &address).await;
        platform.redis.command("SCRIPT FLUSH").await.expect("no answer from Redis");
        let code = mails_to(&platform, &address)[0].code().expect("no code in the mail");
        let answer = platform.client.verify(&address, &code).await.expect("no answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn case_24_two_logins_at_once_are_one_mail_and_the_resend_keeps_the_tries() {
    let platform = Platform::start().await;
    let (first, second) =
        tokio::join!(platform.client.login("twice@example.org"), platform.client.login("twice@example.org"));
    let mut statuses = [first, second].map(|answer| answer.map(|answer| answer.status));
    statuses.sort_unstable();
    assert_eq!(statuses, [Some(200), Some(429)]);
    mailed(&platform, "twice@example.org").await;
    assert_eq!(mails_to(&platform, "twice@example.org").len(), 1);
}
