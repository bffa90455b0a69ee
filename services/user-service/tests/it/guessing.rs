//! Wrong attempts are counted on the code that they are compared with, however they come.

use futures::future::join_all;
use redis::AsyncCommands as _;
use user_service::peppers::Peppers;

use crate::support::{CLIENT, Service, Setup, wrong_codes};

const ADA: &str = "ada@example.org";
const STRANGER: &str = "198.51.100.66";

/// How many wrong attempts a slot was compared with.
async fn tries(service: &Service, slot: u8) -> u32 {
    service.redis().await.hget(format!("otp:codes:{ADA}"), format!("{slot}:tries")).await.unwrap()
}

#[tokio::test]
async fn five_wrong_codes_without_the_challenge_and_four_with_it_end_the_code() {
    let service = Service::start().await;
    let (code, challenge) = service.code_for(ADA).await;
    let wrong = wrong_codes(&code).take(9).collect::<Vec<_>>();
    for wrong in &wrong[..5] {
        service.verify(ADA, wrong).await.expect(400);
    }
    for wrong in &wrong[5..] {
        service.verify_with(&challenge, ADA, wrong).await.expect(400);
    }
    assert_eq!(tries(&service, 1).await, 5);
    service.verify_with(&challenge, ADA, &code).await.expect(400);
    service.verify(ADA, &code).await.expect(400);
}

#[tokio::test]
async fn attempts_that_alternate_between_challenge_and_none_are_five() {
    let service = Service::start().await;
    let (code, challenge) = service.code_for(ADA).await;
    for (n, wrong) in wrong_codes(&code).take(8).enumerate() {
        if n % 2 == 0 {
            service.verify(ADA, &wrong).await.expect(400);
        } else {
            service.verify_with(&challenge, ADA, &wrong).await.expect(400);
        }
    }
    assert_eq!(tries(&service, 1).await, 5);
    service.verify_with(&challenge, ADA, &code).await.expect(400);
}

#[tokio::test]
async fn the_challenge_of_a_second_login_gives_no_attempts_at_the_first_code() {
    let service = Setup::default().unlimited_logins().start().await;
    let (first, _) = service.code_for(ADA).await;
    let (second, challenge) = service.code_for(ADA).await;
    let wrong = wrong_codes(&first).filter(|wrong| *wrong != second).take(13).collect::<Vec<_>>();
    for wrong in &wrong {
        service.verify_with(&challenge, ADA, wrong).await.expect(400);
    }
    assert_eq!((tries(&service, 1).await, tries(&service, 2).await), (5, 5));
    for code in [&first, &second] {
        service.verify(ADA, code).await.expect(400);
        service.verify_with(&challenge, ADA, code).await.expect(400);
    }
}

#[tokio::test]
async fn a_strangers_challenge_is_not_compared_with_the_users_code_and_without_it_strangers_have_three() {
    let service = Setup::default().unlimited_logins().start().await;
    let (code, challenge) = service.code_for(ADA).await;
    let (other, strangers) = service.code_from(STRANGER, ADA).await;
    for wrong in wrong_codes(&code).filter(|wrong| *wrong != other).take(10) {
        service.verify_with_from(STRANGER, &strangers, ADA, &wrong).await.expect(400);
    }
    assert_eq!((tries(&service, 1).await, tries(&service, 2).await), (0, 5));
    for (n, wrong) in wrong_codes(&code).filter(|wrong| *wrong != other).take(10).enumerate() {
        service.verify_from(&format!("192.0.2.{n}"), ADA, &wrong).await.expect(400);
    }
    assert_eq!((tries(&service, 1).await, tries(&service, 2).await), (3, 5));
    service.verify_from(STRANGER, ADA, &code).await.expect(400);
    service.verify_with(&challenge, ADA, &code).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_concurrent_attempts_with_and_without_challenge_five_are_compared() {
    let service = Setup::default().limit("--login-wrong-a-day", 0).start().await;
    let (code, challenge) = service.code_for(ADA).await;
    let wrong = wrong_codes(&code).take(200).collect::<Vec<_>>();
    let client = |n: usize| if n.is_multiple_of(3) { CLIENT.to_owned() } else { format!("192.0.2.{n}") };
    join_all(wrong.iter().enumerate().map(|(n, wrong)| {
        let (service, challenge) = (&service, &challenge);
        async move {
            if n.is_multiple_of(2) {
                service.verify_with_from(&client(n), challenge, ADA, wrong).await
            } else {
                service.verify_from(&client(n), ADA, wrong).await
            }
        }
    }))
    .await;
    assert_eq!(tries(&service, 1).await, 5);
    service.verify_with_from("192.0.2.250", &challenge, ADA, &code).await.expect(400);
}

#[tokio::test]
async fn a_resend_inherits_the_attempts_whichever_way_they_came() {
    let service = Setup::default().unlimited_logins().start().await;
    let (first, challenge) = service.code_for(ADA).await;
    let wrong = wrong_codes(&first).take(2).collect::<Vec<_>>();
    service.verify(ADA, &wrong[0]).await.expect(400);
    service.verify_with(&challenge, ADA, &wrong[1]).await.expect(400);
    service.code_for(ADA).await;
    assert_eq!((tries(&service, 1).await, tries(&service, 2).await), (2, 2));
}

#[tokio::test]
async fn other_forms_of_the_address_and_of_the_code_are_the_same_attempt() {
    let service = Service::start().await;
    let (code, _) = service.code_for(ADA).await;
    let wrong = wrong_codes(&code).next().unwrap();
    service.verify("ADA@example.org", &wrong).await.expect(400);
    service.verify("Ada@EXAMPLE.ORG", &format!("{} {}", &wrong[..3], &wrong[3..])).await.expect(400);
    assert_eq!(tries(&service, 1).await, 2);
    // What is not six digits is compared with nothing.
    for form in ["12345", "1234567", "abcdef", ""] {
        service.verify(ADA, form).await.expect(400);
    }
    assert_eq!(tries(&service, 1).await, 2);
}

#[tokio::test]
async fn a_code_is_compared_once_however_many_peppers_there_are_and_its_attempts_outlive_a_rotation() {
    let (old, new) = (format!("old:{}", "a1".repeat(32)), format!("new:{}", "b2".repeat(32)));
    let peppers = Peppers::parse(&old).unwrap();
    let service = Setup::default().peppers(&peppers).start().await;
    let (code, _) = service.code_for(ADA).await;
    let wrong = wrong_codes(&code).take(5).collect::<Vec<_>>();
    for wrong in &wrong[..3] {
        service.verify(ADA, wrong).await.expect(400);
    }
    peppers.replace(&format!("{new}\n{old}")).unwrap();
    for wrong in &wrong[3..] {
        service.verify(ADA, wrong).await.expect(400);
    }
    assert_eq!(tries(&service, 1).await, 5);
    service.verify(ADA, &code).await.expect(400);
}

#[tokio::test]
async fn a_used_code_is_no_code_and_counts_nowhere() {
    let service = Service::start().await;
    let (code, challenge) = service.code_for(ADA).await;
    service.verify_with(&challenge, ADA, &code).await.expect(200);
    for _ in 0..30 {
        service.verify_with(&challenge, ADA, &code).await.expect(400);
    }
    let keys = service.keys().await;
    assert!(!keys.iter().any(|key| key.starts_with("limit:verify-address")), "{keys:?}");
}

#[tokio::test]
async fn a_sign_in_ends_the_wrong_codes_in_a_row_but_not_those_of_the_day() {
    let service = Service::start().await;
    let (code, _) = service.code_for(ADA).await;
    for wrong in wrong_codes(&code).take(4) {
        service.verify(ADA, &wrong).await.expect(400);
    }
    let mut redis = service.redis().await;
    let in_a_row: Option<u32> = redis.hget(format!("limit:verify-in-a-row:{ADA}"), "count").await.unwrap();
    assert_eq!(in_a_row, Some(4));
    service.verify(ADA, &code).await.expect(200);
    let in_a_row: Option<u32> = redis.hget(format!("limit:verify-in-a-row:{ADA}"), "count").await.unwrap();
    let day: u32 = redis.get(format!("limit:verify-address:{ADA}")).await.unwrap();
    assert_eq!((in_a_row, day), (None, 4));
}

#[tokio::test]
async fn a_network_with_a_third_of_its_wrong_codes_is_counted_once_in_a_window() {
    let service = Service::start().await;
    let counted =
        |n: u32| service.metrics.encode().contains(&format!("ping_wrong_code_networks_total {n}\n"));
    for n in 0..60 {
        assert!(counted(u32::from(n > 20 - 1)), "{n}: {}", service.metrics.encode());
        service.verify(&format!("user{n}@example.org"), "123456").await.expect(400);
    }
    service.verify(ADA, "123456").await.expect(429);
    assert!(counted(1));
    for n in 0..20 {
        service.verify_from(STRANGER, &format!("user{n}@example.org"), "123456").await.expect(400);
    }
    assert!(counted(2));
}
