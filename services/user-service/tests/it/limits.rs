//! The limits on sign-ins, and what clients read of them.

use std::time::Duration;

use futures::future::join_all;
use redis::AsyncCommands as _;
use serde_json::json;
use test_kit::wait::wait_until;

use crate::support::{CLIENT, DEADLINE, Service, Setup, wrong_codes};

const ADA: &str = "ada@example.org";
const TOO_MANY: &str = "Too many requests. Please wait before requesting another OTP.";

/// As if this key's window had run its time.
async fn end_window(service: &Service, key: &str) {
    let removed: u32 = service.redis().await.del(key).await.unwrap();
    assert_eq!(removed, 1, "{key}");
}

/// The key of a window, with the digest of the client's network at its end.
async fn window_key(service: &Service, policy: &str) -> String {
    let prefix = format!("limit:{policy}:{ADA}:");
    let keys = service.keys().await.into_iter().filter(|key| key.starts_with(&prefix)).collect::<Vec<_>>();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0].clone()
}

#[tokio::test]
async fn a_second_login_within_60_s_is_refused_and_told_how_long() {
    let service = Service::start().await;
    service.login(ADA).await.expect(200);
    let key = format!("otp:ratelimit:{ADA}");
    let left: i64 = service.redis().await.pttl(&key).await.unwrap();
    assert!((55_000..=60_000).contains(&left), "{left}");
    let answer = service.login("Ada@EXAMPLE.org").await.expect(429);
    assert_eq!(answer.message(), TOO_MANY);
    assert_eq!(answer.json["violated-policies"], json!(["login-resend"]));
    let seconds = answer.header("retry-after").parse::<u64>().unwrap();
    assert!((56..=60).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("ratelimit"), format!("\"login-resend\";r=0;t={seconds}"));
    assert!(
        answer.header("ratelimit-policy").contains("\"login-resend\";q=1;w=60, \"login-address\";q=5;w=900")
    );
    end_window(&service, &key).await;
    service.login(ADA).await.expect(200);
}

#[tokio::test]
async fn retry_after_is_never_too_early() {
    let service = Setup::default().limit("--login-resend-after-seconds", 1).start().await;
    for _ in 0..3 {
        service.login(ADA).await.expect(200);
        let answer = service.login(ADA).await.expect(429);
        let seconds = answer.header("retry-after").parse().unwrap();
        tokio::time::timeout(DEADLINE, wait(Duration::from_secs(seconds))).await.unwrap();
    }
    service.login(ADA).await.expect(200);
}

#[expect(clippy::disallowed_methods, reason = "the test is about what happens after exactly this time")]
async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test]
async fn a_tag_does_not_make_another_mailbox() {
    let service = Service::start().await;
    service.login("ada+one@example.org").await.expect(200);
    service.login("ada+two@example.org").await.expect(429);
    service.login(ADA).await.expect(429);
    service.login("eve@example.org").await.expect(200);
}

#[tokio::test]
async fn an_address_has_5_logins_in_15_minutes_from_one_network_and_refused_ones_do_not_count() {
    let service = Setup::default().limit("--login-resend-after-seconds", 0).start().await;
    for tag in 1..=5 {
        service.login(&format!("ada+{tag}@example.org")).await.expect(200);
    }
    let key = window_key(&service, "login-address").await;
    let end: i64 = redis::cmd("PEXPIRETIME").arg(&key).query_async(&mut service.redis().await).await.unwrap();
    for _ in 0..3 {
        let answer = service.login(ADA).await.expect(429);
        assert_eq!(answer.json["violated-policies"], json!(["login-address"]));
        let seconds = answer.header("retry-after").parse::<u64>().unwrap();
        assert!((890..=901).contains(&seconds), "{seconds}");
    }
    let mut redis = service.redis().await;
    let counted: u32 = redis.get(&key).await.unwrap();
    let same_end: i64 = redis::cmd("PEXPIRETIME").arg(&key).query_async(&mut redis).await.unwrap();
    // The window's end is set once, however many logins follow.
    assert_eq!((counted, same_end), (5, end));
    end_window(&service, &key).await;
    service.login(ADA).await.expect(200);
}

#[tokio::test]
async fn an_address_has_50_logins_a_day_from_one_network() {
    let setup = Setup::default().limit("--login-resend-after-seconds", 0);
    let service = setup.limit("--login-per-address", 0).limit("--login-per-ip", 0).start().await;
    for _ in 0..50 {
        service.login(ADA).await.expect(200);
    }
    let answer = service.login(ADA).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["login-address-day"]));
    let seconds = answer.header("retry-after").parse::<u64>().unwrap();
    assert!((86_300..=86_401).contains(&seconds), "{seconds}");
    service.login_from("203.0.113.8", ADA).await.expect(200);
}

#[tokio::test]
async fn a_client_has_20_logins_and_another_client_its_own() {
    let service = Service::start().await;
    for n in 0..20 {
        service.login(&format!("user{n}@example.org")).await.expect(200);
    }
    let answer = service.login(ADA).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["login-ip"]));
    assert_eq!(service.outbox.count(), 20);
    service.login_from("203.0.113.8", ADA).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_holds_under_concurrency() {
    let service = Service::start().await;
    let addresses = (0..200).map(|n| format!("user{n}@example.org")).collect::<Vec<_>>();
    let answers = join_all(addresses.iter().map(|address| service.login(address))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 20);
    assert_eq!(service.outbox.count(), 20);
}

#[tokio::test]
async fn a_verified_login_gives_its_place_back() {
    let service = Setup::default().limit("--login-per-ip", 2).start().await;
    for n in 0..6 {
        let address = format!("user{n}@example.org");
        let (code, _) = service.code_for(&address).await;
        service.verify(&address, &code).await.expect(200);
    }
    service.login("a@example.org").await.expect(200);
    service.login("b@example.org").await.expect(200);
    service.login("c@example.org").await.expect(429);
}

#[tokio::test]
async fn a_place_is_not_given_back_to_another_window() {
    let service = Setup::default().limit("--login-per-ip", 2).start().await;
    let (code, _) = service.code_for(ADA).await;
    let key = format!("limit:login-ip:{CLIENT}");
    end_window(&service, &key).await;
    service.login("a@example.org").await.expect(200);
    service.verify(ADA, &code).await.expect(200);
    let counted: u32 = service.redis().await.get(&key).await.unwrap();
    assert_eq!(counted, 1);
}

#[tokio::test]
async fn ipv6_counts_by_its_64_and_tenfold_by_its_48() {
    let service = Setup::default().limit("--login-per-ip", 2).start().await;
    let mut user = (0..).map(|n| format!("user{n}@example.org"));
    let mut next = || user.next().unwrap();
    service.login_from("2001:db8:1:1::1", &next()).await.expect(200);
    service.login_from("2001:db8:1:1::2", &next()).await.expect(200);
    let answer = service.login_from("2001:db8:1:1:ffff::3", &next()).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["login-ip"]));
    for network in 2..11 {
        service.login_from(&format!("2001:db8:1:{network}::1"), &next()).await.expect(200);
        service.login_from(&format!("2001:db8:1:{network}::2"), &next()).await.expect(200);
    }
    let answer = service.login_from("2001:db8:1:fff::1", &next()).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["login-network"]));
    service.login_from("2001:db8:2::1", &next()).await.expect(200);
}

#[tokio::test]
async fn ipv4_in_ipv6_is_the_same_client() {
    let service = Setup::default().limit("--login-per-ip", 2).start().await;
    service.login_from("::ffff:198.51.100.9", "a@example.org").await.expect(200);
    service.login_from("64:ff9b::198.51.100.9", "b@example.org").await.expect(200);
    service.login_from("198.51.100.9", "c@example.org").await.expect(429);
}

#[tokio::test]
async fn what_a_client_writes_into_x_forwarded_for_does_not_matter() {
    let service = Setup::default().limit("--login-per-ip", 1).start().await;
    service.login_from("10.9.9.9, 198.51.100.1", "a@example.org").await.expect(200);
    service.login_from("10.8.8.8, 198.51.100.1", "b@example.org").await.expect(429);
    // The chain through our own proxy, which is trusted.
    service.login_from("198.51.100.1, 127.0.0.1", "c@example.org").await.expect(429);
}

#[tokio::test]
async fn a_client_has_60_wrong_codes_and_then_waits_even_with_a_right_one() {
    let service = Setup::default().unlimited_logins().limit("--login-wrong-a-day", 0).start().await;
    let (code, _) = service.code_for(ADA).await;
    for (n, wrong) in wrong_codes("000000").take(60).enumerate() {
        service.verify(&format!("user{n}@example.org"), &wrong).await.expect(400);
    }
    let answer = service.verify(ADA, &code).await.expect(429);
    assert_eq!(answer.json["violated-policies"], json!(["verify-ip"]));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 890);
    service.verify_from("203.0.113.8", ADA, &code).await.expect(200);
}

#[tokio::test]
async fn headers_say_what_is_left_the_same_for_every_address() {
    let service = Setup::default().limit("--login-resend-after-seconds", 0).start().await;
    for address in ["a@example.org", "b@example.org"] {
        let answer = service.login(address).await.expect(200);
        assert_eq!(answer.header("ratelimit"), "\"login-address\";r=4;t=901");
    }
    let answer = service.login("a@example.org").await.expect(200);
    assert!(answer.header("ratelimit").starts_with("\"login-address\";r=3;t="), "{answer:?}");
}

#[tokio::test]
async fn a_short_window_ends_by_itself() {
    let setup = Setup::default().limit("--login-resend-after-seconds", 0).limit("--login-window-seconds", 1);
    let service = setup.limit("--login-per-address", 1).start().await;
    service.login(ADA).await.expect(200);
    let again = || async { service.login(ADA).await.status == 200 };
    wait_until("the window to end", DEADLINE, again).await;
}

#[tokio::test]
async fn decisions_are_counted_without_addresses() {
    let service = Service::start().await;
    service.login(ADA).await.expect(200);
    service.login(ADA).await.expect(429);
    let metrics = service.metrics.encode();
    for line in [
        r#"ping_login_requests_total{outcome="sent"} 1"#,
        r#"ping_login_requests_total{outcome="limited"} 1"#,
        r#"ping_ratelimit_decisions_total{policy="login-resend",decision="refuse"} 1"#,
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(!metrics.contains("ada") && !metrics.contains(CLIENT), "{metrics}");
}
