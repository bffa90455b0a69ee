//! Whatever strangers do, a network that signed in to an address before gets its mails and its attempts.

use std::time::Duration;

use redis::AsyncCommands as _;
use serde_json::json;
use user_service::peppers::Peppers;

use crate::support::{CLIENT, Service, Setup, wrong_codes};

const ADA: &str = "ada@example.org";

/// Logs in from this many networks, each with this many requests; returns how many of them were answered 200.
async fn exhaust_logins(service: &Service, networks: u8, per_network: u8) -> u32 {
    let mut sent = 0;
    for network in 0..networks {
        for _ in 0..per_network {
            service.advance(Duration::from_mins(1)).await;
            sent += u32::from(service.login_from(&format!("198.51.100.{network}"), ADA).await.status == 200);
        }
    }
    sent
}

fn without_quarter_hours() -> Setup {
    Setup::default().limit("--login-per-address", 0)
}

#[tokio::test]
async fn fifty_logins_of_one_network_shut_nobody_else_out() {
    let service = without_quarter_hours().start().await;
    assert_eq!(exhaust_logins(&service, 1, 60).await, 50);
    service.advance(Duration::from_mins(1)).await;
    service.login_from("198.51.100.0", ADA).await.expect(429);
    service.login(ADA).await.expect(200);
}

#[tokio::test]
async fn strangers_of_many_networks_have_100_mails_a_day_and_the_user_has_places_of_their_own() {
    let service = without_quarter_hours().start().await;
    service.sign_in(ADA).await;
    // One of the hundred was the user's own, before their network was known.
    assert_eq!(exhaust_logins(&service, 4, 50).await, 99);
    let answer = service.login_from("192.0.2.1", ADA).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["login-address-all-day"]));
    let (code, challenge) = service.code_for(ADA).await;
    service.verify_with(&challenge, ADA, &code).await.expect(200);
    // Of their own they have 50, which do not count for the others.
    let mut sent = 0;
    for _ in 0..60 {
        service.advance(Duration::from_mins(1)).await;
        sent += u32::from(service.login(ADA).await.status == 200);
    }
    assert_eq!(sent, 48);
}

#[tokio::test]
async fn a_login_of_a_stranger_does_not_make_a_known_network_wait_and_its_own_does() {
    let service = Service::start().await;
    service.sign_in(ADA).await;
    service.login(ADA).await.expect(429);
    service.advance(Duration::from_mins(1)).await;
    service.login_from("198.51.100.1", ADA).await.expect(200);
    service.login_from("198.51.100.2", ADA).await.expect(429);
    service.login(ADA).await.expect(200);
    let answer = service.login(ADA).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["login-resend"]));
    service.login("ada+tag@example.org").await.expect(429);
    service.login_from("198.51.100.2", ADA).await.expect(429);
}

#[tokio::test]
async fn logins_of_strangers_do_not_end_the_code_of_a_known_network() {
    let service = Setup::default().unlimited_logins().start().await;
    service.sign_in(ADA).await;
    let (code, challenge) = service.code_for(ADA).await;
    let mut newest = String::new();
    for n in 0..9 {
        newest = service.code_from(&format!("198.51.100.{n}"), ADA).await.0;
    }
    service.verify_with(&challenge, ADA, &code).await.expect(200);
    // Theirs is good beside it; and of the user's own, the two newest are.
    service.verify_from("198.51.100.8", ADA, &newest).await.expect(200);
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(service.code_for(ADA).await.0);
    }
    service.verify(ADA, &codes[0]).await.expect(400);
    service.verify(ADA, &codes[1]).await.expect(200);
    service.verify(ADA, &codes[2]).await.expect(200);
}

#[tokio::test]
async fn a_network_is_known_to_the_address_that_signed_in_and_to_no_other() {
    let service = Service::start().await;
    service.sign_in("ada+evil@example.org").await;
    service.sign_in("eve@example.org").await;
    service.advance(Duration::from_mins(1)).await;
    service.login_from("198.51.100.1", ADA).await.expect(200);
    service.login(ADA).await.expect(429);
}

#[tokio::test]
async fn a_network_is_known_for_30_days_and_its_next_sign_in_renews_them() {
    let service = Service::start().await;
    let day = Duration::from_hours(24);
    let known = async || {
        service.advance(Duration::from_mins(2)).await;
        service.login_from("198.51.100.1", ADA).await.expect(200);
        service.login(ADA).await.status == 200
    };
    service.sign_in(ADA).await;
    service.advance(29 * day).await;
    assert!(known().await);
    service.advance(day).await;
    assert!(!known().await);
    service.advance(day).await;
    service.sign_in(ADA).await;
    service.advance(20 * day).await;
    service.sign_in(ADA).await;
    service.advance(20 * day).await;
    assert!(known().await);
}

#[tokio::test]
async fn of_nine_networks_the_one_that_was_not_used_for_the_longest_time_is_forgotten() {
    let service = without_quarter_hours().start().await;
    for n in [1, 2, 3, 4, 5, 6, 7, 8, 1, 9] {
        let client = format!("203.0.113.{n}");
        let (code, _) = service.code_from(&client, ADA).await;
        service.verify_from(&client, ADA, &code).await.expect(200);
        service.advance(Duration::from_mins(1)).await;
    }
    let known: u32 = service.redis().await.hlen(format!("otp:networks:{ADA}")).await.unwrap();
    assert_eq!(known, 8);
    service.login_from("198.51.100.1", ADA).await.expect(200);
    for (n, status) in [(2, 429), (1, 200), (9, 200)] {
        service.login_from(&format!("203.0.113.{n}"), ADA).await.expect(status);
    }
}

#[tokio::test]
async fn redis_holds_no_network_that_a_user_signed_in_from_in_clear() {
    let service = Service::start().await;
    service.sign_in(ADA).await;
    let networks: Vec<String> = service.redis().await.hkeys(format!("otp:networks:{ADA}")).await.unwrap();
    assert!(networks.len() == 1 && networks[0].len() == 32, "{networks:?}");
    let pairs = service.keys().await.into_iter().filter(|key| key.contains(ADA));
    assert!(pairs.clone().count() > 3 && !pairs.clone().any(|key| key.contains(CLIENT)));
}

#[tokio::test]
async fn a_network_stays_known_while_the_old_pepper_is_kept_and_a_sign_in_stores_it_under_the_new_one() {
    let (old, new) = (format!("old:{}", "a1".repeat(32)), format!("new:{}", "b2".repeat(32)));
    let peppers = Peppers::parse(&old).unwrap();
    let service = Setup::default().peppers(&peppers).start().await;
    service.sign_in(ADA).await;
    peppers.replace(&format!("{new}\n{old}")).unwrap();
    service.advance(Duration::from_mins(1)).await;
    service.login_from("198.51.100.1", ADA).await.expect(200);
    service.sign_in(ADA).await;
    peppers.replace(&new).unwrap();
    service.advance(Duration::from_mins(1)).await;
    service.login_from("198.51.100.1", ADA).await.expect(200);
    service.sign_in(ADA).await;
}

#[tokio::test]
async fn a_network_stays_known_whatever_happens_to_the_peppers_where_user_ids_have_a_secret() {
    let peppers = Peppers::parse(&format!("old:{}", "a1".repeat(32))).unwrap();
    let secret = b"the secret of the user ids, 32 octets or more";
    let service = Setup::default().peppers(&peppers).user_id_secret(secret).start().await;
    service.sign_in(ADA).await;
    peppers.replace(&format!("new:{}", "b2".repeat(32))).unwrap();
    service.advance(Duration::from_mins(1)).await;
    service.login_from("198.51.100.1", ADA).await.expect(200);
    service.sign_in(ADA).await;
}

#[tokio::test]
async fn a_network_of_an_earlier_release_is_known_beside_the_secret_of_the_user_ids() {
    let peppers = Peppers::parse(&format!("old:{}", "a1".repeat(32))).unwrap();
    let earlier = Setup::default().peppers(&peppers).start().await;
    earlier.sign_in(ADA).await;
    let secret = b"the secret of the user ids, 32 octets or more";
    let setup = Setup::default().peppers(&peppers).user_id_secret(secret);
    let service = setup.redis_url(earlier.redis_url()).start().await;
    service.advance(Duration::from_mins(1)).await;
    service.login_from("198.51.100.1", ADA).await.expect(200);
    service.sign_in(ADA).await;
}

#[tokio::test]
async fn a_refused_publish_gives_every_place_back() {
    use crate::support::Answering;
    let service = Service::start().await;
    service.sign_in(ADA).await;
    service.advance(Duration::from_mins(1)).await;
    let before = service.keys().await;
    service.outbox.answer(Answering::Refused);
    for _ in 0..10 {
        service.login(ADA).await.expect(503);
        service.login_from("198.51.100.1", ADA).await.expect(503);
    }
    service.outbox.answer(Answering::Confirmed);
    assert_eq!(service.keys().await, before);
    service.login(ADA).await.expect(200);
}

#[tokio::test]
async fn a_user_under_attack_signs_in_with_the_first_code_at_every_hour_of_the_day() {
    let service = Service::start().await;
    service.sign_in(ADA).await;
    for hour in 0..24_u8 {
        // The stranger logs in and guesses from new networks as much as is allowed.
        for n in 0..12 {
            let client = format!("198.51.{hour}.{n}");
            service.advance(Duration::from_mins(5)).await;
            service.login_from(&client, ADA).await;
            guess(&service, &client, "000000").await;
        }
        let (code, challenge) = service.code_for(ADA).await;
        // And before the user has read the mail.
        for n in 0..10 {
            guess(&service, &format!("192.0.{hour}.{n}"), &code).await;
        }
        service.verify_with(&challenge, ADA, &code).await.expect(200);
    }
}

async fn guess(service: &Service, client: &str, code: &str) {
    for wrong in wrong_codes(code).take(10) {
        service.verify_from(client, ADA, &wrong).await;
    }
}
