//! A code works once, for one address, for its life, for five tries.

use std::time::Instant;

use futures::future::{BoxFuture, FutureExt as _, join_all};
use ping_contract::address::EmailAddress;
use redis::AsyncCommands as _;
use test_kit::wait::wait_until;
use user_service::{
    accounts::{Accounts, AccountsError, DirectoryTrouble, User},
    peppers::Peppers,
};

use crate::support::{DEADLINE, Service, Setup, wrong_codes};

const ADA: &str = "ada@example.org";
const INVALID: &str = "Invalid or expired OTP";

fn tallied(answers: &[crate::support::Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test]
async fn a_code_works_once_and_for_its_address_alone() {
    let service = Service::start().await;
    let (code, _) = service.code_for(ADA).await;
    assert_eq!(service.verify("eve@example.org", &code).await.expect(400).message(), INVALID);
    service.verify("ADA@Example.org", &code).await.expect(200);
    assert_eq!(service.verify(ADA, &code).await.expect(400).message(), INVALID);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_1000_concurrent_verifies_one_wins() {
    let service = Service::start().await;
    let (code, _) = service.code_for(ADA).await;
    let mut answers = join_all((0..1000).map(|_| service.verify(ADA, &code))).await;
    // On a busy machine Redis misses its deadline for the one that holds the claim: it is answered 503, and repeats.
    let end = Instant::now() + DEADLINE;
    while tallied(&answers, 200) == 0 && Instant::now() < end {
        answers.push(service.verify(ADA, &code).await);
    }
    assert_eq!(tallied(&answers, 200), 1);
    // The others met the claim, or came after it.
    let others = tallied(&answers, 503) + tallied(&answers, 400) + tallied(&answers, 429);
    assert_eq!(others, answers.len() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_1000_concurrent_logins_for_one_address_one_sends_a_mail() {
    let service = Setup::default().limit("--login-per-ip", 0).start().await;
    let login = async |_| {
        // Where Redis misses its deadline on a busy machine, a client repeats its request.
        let end = Instant::now() + DEADLINE;
        loop {
            let answer = service.login(ADA).await;
            if answer.status != 503 || Instant::now() > end {
                return answer;
            }
        }
    };
    let answers = join_all((0..1000).map(login)).await;
    assert_eq!((tallied(&answers, 200), tallied(&answers, 429)), (1, 999));
    assert_eq!(service.outbox.count(), 1);
}

#[tokio::test]
async fn five_wrong_tries_end_the_code() {
    let service = Service::start().await;
    let (code, _) = service.code_for(ADA).await;
    for wrong in wrong_codes(&code).take(5) {
        assert_eq!(service.verify(ADA, &wrong).await.expect(400).message(), INVALID);
    }
    assert_eq!(service.verify(ADA, &code).await.expect(400).message(), INVALID);
}

#[tokio::test]
async fn four_wrong_tries_do_not() {
    let service = Service::start().await;
    let (code, _) = service.code_for(ADA).await;
    for wrong in wrong_codes(&code).take(4) {
        service.verify(ADA, &wrong).await.expect(400);
    }
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_wrong_tries_are_five_at_most() {
    let service = Setup::default().limit("--login-wrong-a-day", 0).start().await;
    let (code, _) = service.code_for(ADA).await;
    let wrong = wrong_codes(&code).take(50).collect::<Vec<_>>();
    join_all(wrong.iter().map(|wrong| service.verify(ADA, wrong))).await;
    let counted: u32 = service.redis().await.hget(format!("otp:codes:{ADA}"), "1:tries").await.unwrap();
    assert_eq!(counted, 5);
    service.verify(ADA, &code).await.expect(400);
}

#[tokio::test]
async fn a_resend_keeps_the_count_and_the_earlier_code() {
    let service = Setup::default().unlimited_logins().start().await;
    let (first, _) = service.code_for(ADA).await;
    for wrong in wrong_codes(&first).take(3) {
        service.verify(ADA, &wrong).await.expect(400);
    }
    let (second, _) = service.code_for(ADA).await;
    let wrong = wrong_codes(&first).filter(|wrong| *wrong != second).take(2).collect::<Vec<_>>();
    service.verify(ADA, &wrong[0]).await.expect(400);
    // Four are used. The earlier code is still good; then a fifth would end both.
    service.verify(ADA, &first).await.expect(200);
    service.verify(ADA, &wrong[1]).await.expect(400);
    service.verify(ADA, &second).await.expect(400);
}

#[tokio::test]
async fn a_login_after_the_tries_are_used_up_starts_afresh() {
    let service = Setup::default().unlimited_logins().start().await;
    let (first, _) = service.code_for(ADA).await;
    for wrong in wrong_codes(&first).take(5) {
        service.verify(ADA, &wrong).await.expect(400);
    }
    let (second, _) = service.code_for(ADA).await;
    service.verify(ADA, &first).await.expect(400);
    service.verify(ADA, &second).await.expect(200);
}

#[tokio::test]
async fn the_two_newest_codes_are_good_and_older_ones_never_again() {
    let service = Setup::default().unlimited_logins().start().await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(service.code_for(ADA).await.0);
    }
    service.verify(ADA, &codes[0]).await.expect(400);
    service.verify(ADA, &codes[2]).await.expect(200);
    service.verify(ADA, &codes[0]).await.expect(400);
    service.verify(ADA, &codes[1]).await.expect(200);
    let keys = service.keys().await;
    assert!(!keys.contains(&format!("otp:codes:{ADA}")) && !keys.contains(&format!("otp:{ADA}")), "{keys:?}");
}

#[tokio::test]
async fn a_code_ends_after_its_life_by_the_clock_of_redis() {
    let service = Setup::default().limit("--code-ttl-seconds", 1).start().await;
    let mut redis = service.redis().await;
    let (before, _): (i64, i64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
    let (code, _) = service.code_for(ADA).await;
    let (after, _): (i64, i64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
    let expires: i64 = redis.hget(format!("otp:codes:{ADA}"), "1:expires").await.unwrap();
    assert_eq!(expires, service.outbox.last_expires_at());
    assert!(((before + 1) * 1000..=(after + 2) * 1000).contains(&expires), "{before} {after} {expires}");
    let gone = || async {
        let exists: bool = service.redis().await.exists(format!("otp:codes:{ADA}")).await.unwrap();
        !exists
    };
    wait_until("the code to expire", DEADLINE, gone).await;
    assert_eq!(service.verify(ADA, &code).await.expect(400).message(), INVALID);
}

#[tokio::test]
async fn a_resend_does_not_prolong_the_earlier_code() {
    let service = Setup::default().unlimited_logins().start().await;
    let (first, _) = service.code_for(ADA).await;
    let key = format!("otp:codes:{ADA}");
    // As if the first had been issued five minutes ago.
    let _: () = service.redis().await.hset(&key, "1:expires", 1).await.unwrap();
    let (second, _) = service.code_for(ADA).await;
    service.verify(ADA, &first).await.expect(400);
    service.verify(ADA, &second).await.expect(200);
}

#[tokio::test]
async fn a_code_key_of_another_type_or_version_counts_as_absent() {
    for make in [
        &["SET", "otp:ada@example.org", "482931"][..],
        &["HSET", "otp:ada@example.org", "v", "2"],
        &["SET", "otp:codes:ada@example.org", "482931"],
        &["HSET", "otp:codes:ada@example.org", "v", "2"],
    ] {
        let service = Service::start().await;
        let mut command = redis::cmd(make[0]);
        command.arg(&make[1..]);
        let _: redis::Value = command.query_async(&mut service.redis().await).await.unwrap();
        service.verify(ADA, "482931").await.expect(400);
        let (code, _) = service.code_for(ADA).await;
        service.verify(ADA, &code).await.expect(200);
    }
}

#[tokio::test]
async fn neither_code_nor_challenge_lies_in_redis_in_clear() {
    let service = Service::start().await;
    let (code, challenge) = service.code_for(ADA).await;
    let hash: Vec<String> = service.redis().await.hgetall(format!("otp:codes:{ADA}")).await.unwrap();
    assert!(hash.iter().all(|value| *value != code && *value != challenge), "{hash:?}");
}

#[tokio::test]
async fn a_code_outlives_the_rotation_of_its_pepper() {
    let old = format!("old:{}", "a1".repeat(32));
    let new = format!("new:{}", "b2".repeat(32));
    let peppers = Peppers::parse(&old).unwrap();
    let service = Setup::default().unlimited_logins().peppers(&peppers).start().await;
    let (first, _) = service.code_for(ADA).await;
    peppers.replace(&format!("{new}\n{old}")).unwrap();
    let (second, _) = service.code_for(ADA).await;
    service.verify(ADA, &first).await.expect(200);
    peppers.replace(&new).unwrap();
    service.verify(ADA, &second).await.expect(200);
}

/// A directory that is away until it is told to come back.
#[derive(Clone)]
pub struct Away(pub std::sync::Arc<std::sync::atomic::AtomicBool>);

impl Accounts for Away {
    fn find_or_make<'a>(
        &'a self,
        address: &'a EmailAddress,
        _written: &'a str,
    ) -> BoxFuture<'a, Result<User, AccountsError>> {
        let away = self.0.load(std::sync::atomic::Ordering::Relaxed);
        let user = User::new("0".repeat(24), "ada", address.as_str());
        async move { if away { Err(AccountsError::NoAnswer(DirectoryTrouble::Unreachable)) } else { Ok(user) } }.boxed()
    }
}

#[tokio::test]
async fn while_the_directory_is_away_the_code_stays_good() {
    let away = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let service = Setup::default().accounts(Away(away.clone())).start().await;
    let (code, _) = service.code_for(ADA).await;
    let answer = service.verify(ADA, &code).await.expect(503);
    assert_eq!(answer.header("retry-after"), "2");
    away.store(false, std::sync::atomic::Ordering::Relaxed);
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_claimed_code_is_busy_not_counted_and_free_again_when_the_claim_ends() {
    let service = Service::start().await;
    let (code, _) = service.code_for(ADA).await;
    let key = format!("otp:codes:{ADA}");
    let mut redis = service.redis().await;
    let far = i64::MAX / 2;
    let _: () =
        redis.hset_multiple(&key, &[("1:claim", "another"), ("1:until", &far.to_string())]).await.unwrap();
    let answer = service.verify(ADA, &code).await.expect(503);
    assert_eq!(answer.json["code"], "code-in-use");
    let wrong: u32 = redis.hget(&key, "1:tries").await.unwrap();
    assert_eq!(wrong, 0);
    // The claim of a request that crashed ends by itself.
    let _: () = redis.hset(&key, "1:until", 1).await.unwrap();
    service.verify(ADA, &code).await.expect(200);
}

#[tokio::test]
async fn a_token_is_signed_for_the_person_of_the_code() {
    let service = Service::start().await;
    let (code, _) = service.code_for("Ada+tag@example.org").await;
    let answer = service.verify("ada+tag@example.org", &code).await.expect(200);
    assert_eq!(answer.message(), "Login successful");
    assert_eq!(answer.json["user"]["email"], "ada+tag@example.org");
    assert_eq!(answer.json["user"]["name"], "ada+tag");
    assert_eq!(answer.header("cache-control"), "no-store");
    let key = jsonwebtoken::DecodingKey::from_secret(crate::support::SECRET);
    let validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    let token = answer.json["token"].as_str().unwrap();
    let claims = jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).unwrap().claims;
    assert_eq!(claims["user"], answer.json["user"]);
}
