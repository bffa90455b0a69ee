//! Wrong codes of a whole day: they slow a guesser down. Where the user signed in before, there is no wait for others'.

use std::time::Duration;

use redis::AsyncCommands as _;
use serde_json::json;
use test_kit::wait::wait_until;

use crate::support::{DEADLINE, Service, Setup, wrong_codes};

const ADA: &str = "ada@example.org";

/// Makes this many wrong attempts. After five at one code another client requests a new one.
async fn guess(service: &Service, tries: usize) {
    for round in 0..tries.div_ceil(5) {
        let client = format!("198.51.100.{round}");
        let (code, _) = service.code_from(&client, ADA).await;
        for wrong in wrong_codes(&code).take((tries - 5 * round).min(5)) {
            service.verify_from(&client, ADA, &wrong).await.expect(400);
        }
    }
}

#[tokio::test]
async fn after_20_wrong_codes_a_day_tries_wait_30_seconds_and_then_longer() {
    let service = Setup::default().unlimited_logins().start().await;
    guess(&service, 20).await;
    let (code, _) = service.code_for(ADA).await;
    let answer = service.verify(ADA, &code).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["verify-address"]));
    let seconds = answer.header("retry-after").parse::<u64>().unwrap();
    assert!((25..=31).contains(&seconds), "{seconds}");
    // Waiting was no try: the code is still good once the wait is over. The next wrong one waits twice as long.
    let wait = format!("limit:verify-address-wait:{ADA}");
    service.advance(Duration::from_secs(seconds)).await;
    let wrong = wrong_codes(&code).next().unwrap();
    service.verify(ADA, &wrong).await.expect(400);
    let left: i64 = service.redis().await.pttl(&wait).await.unwrap();
    assert!((55_000..=60_000).contains(&left), "{left}");
    service.advance(Duration::from_secs(61)).await;
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test]
async fn the_wait_grows_to_an_hour_and_no_further() {
    let service = Setup::default().unlimited_logins().start().await;
    guess(&service, 1).await;
    let mut redis = service.redis().await;
    let day = format!("limit:verify-address:{ADA}");
    let _: u32 = redis.incr(&day, 1000).await.unwrap();
    let (code, _) = service.code_for(ADA).await;
    service.verify(ADA, &wrong_codes(&code).next().unwrap()).await.expect(400);
    let left: i64 = redis.pttl(format!("limit:verify-address-wait:{ADA}")).await.unwrap();
    assert!((3_595_000..=3_600_000).contains(&left), "{left}");
    let day_left: i64 = redis.pttl(&day).await.unwrap();
    assert!((86_300_000..=86_400_000).contains(&day_left), "{day_left}");
}

#[tokio::test]
async fn a_wait_ends_by_itself() {
    let setup = Setup::default().unlimited_logins().limit("--login-wrong-a-day", 1);
    let service = setup.limit("--login-wrong-wait-seconds", 1).start().await;
    let (code, _) = service.code_for(ADA).await;
    service.verify(ADA, &wrong_codes(&code).next().unwrap()).await.expect(400);
    service.verify(ADA, &code).await.expect(429);
    let signed_in = || async { service.verify(ADA, &code).await.status == 200 };
    wait_until("the wait to end", DEADLINE, signed_in).await;
}

#[tokio::test]
async fn a_network_that_signed_in_before_does_not_wait_for_strangers_if_it_has_a_live_challenge() {
    let service = Setup::default().unlimited_logins().start().await;
    service.sign_in(ADA).await;
    guess(&service, 20).await;
    let (code, challenge) = service.code_for(ADA).await;
    service.verify(ADA, &code).await.expect(429);
    let wrong = wrong_codes(&code).next().unwrap();
    service.verify_with(&challenge, ADA, &wrong).await.expect(400);
    service.verify_with(&challenge, ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_challenge_alone_passes_no_wait() {
    let service = Setup::default().unlimited_logins().limit("--login-wrong-a-day", 1).start().await;
    let (code, challenge) = service.code_for(ADA).await;
    service.verify_with(&challenge, ADA, &wrong_codes(&code).next().unwrap()).await.expect(400);
    let (code, challenge) = service.code_from("198.51.100.66", ADA).await;
    let answer = service.verify_with_from("198.51.100.66", &challenge, ADA, &code).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["verify-address"]));
}

#[tokio::test]
async fn a_known_network_alone_passes_no_wait() {
    let service = Setup::default().unlimited_logins().start().await;
    service.sign_in(ADA).await;
    guess(&service, 20).await;
    let (code, challenge) = service.code_for(ADA).await;
    let answer = service.verify_with("0".repeat(32).as_str(), ADA, &code).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["verify-address"]));
    service.verify_with_from("198.51.100.66", &challenge, ADA, &code).await.expect(429);
    service.verify_with(&challenge, ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_known_network_waits_for_its_own_wrong_codes() {
    let service = Setup::default().unlimited_logins().limit("--login-wrong-a-day", 1).start().await;
    service.sign_in(ADA).await;
    let (code, challenge) = service.code_for(ADA).await;
    service.verify_with(&challenge, ADA, &wrong_codes(&code).next().unwrap()).await.expect(400);
    let answer = service.verify_with(&challenge, ADA, &code).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["verify-challenge"]));
    // Another network that is known has its own. It is known from its sign-in on, which waits like everybody's.
    service.advance(Duration::from_secs(31)).await;
    service.verify_with(&challenge, ADA, &code).await.expect(200);
}

#[tokio::test]
async fn guesses_at_an_address_without_a_live_code_slow_nobody_down() {
    let service = Service::start().await;
    for n in 0..30 {
        service.verify_from(&format!("198.51.100.{n}"), ADA, "123456").await.expect(400);
    }
    let (code, _) = service.code_for(ADA).await;
    service.verify(ADA, &code).await.expect(200);
}
