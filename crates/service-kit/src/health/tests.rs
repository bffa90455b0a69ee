use std::{
    cell::Cell,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{CheckReport, Health};

thread_local! { static SECONDS: Cell<u64> = const { Cell::new(0) } }

/// A process whose clock a test sets, at 2023-11-14T22:13:20Z.
fn health() -> Health {
    SECONDS.set(1_700_000_000);
    Health { now: || UNIX_EPOCH + Duration::from_secs(SECONDS.get()), ..Health::new() }
}

fn advance(seconds: u64) {
    SECONDS.set(SECONDS.get() + seconds);
}

fn check(health: &Health, name: &str) -> CheckReport {
    health.report(false).check(name).unwrap().clone()
}

#[test]
fn a_process_is_ready_once_each_required_check_has_been_usable_and_stays_ready() {
    let health = health();
    assert!(health.not_ready().is_empty());
    let redis = health.require("redis");
    let rabbitmq = health.require("rabbitmq");
    redis.set_usable();
    assert_eq!(health.not_ready(), [("rabbitmq", "starting".to_owned())]);
    redis.set_unusable("RedisUnreachable", "Redis does not answer.");
    assert_eq!(health.not_ready(), [("rabbitmq", "starting".to_owned())]);
    rabbitmq.set_usable();
    assert!(health.not_ready().is_empty() && health.report(false).ready);
    rabbitmq.set_unusable("RabbitMqUnreachable", "RabbitMQ does not answer.");
    assert!(health.not_ready().is_empty() && health.report(false).ready);
    assert!(!check(&health, "redis").usable && !check(&health, "rabbitmq").usable);
}

#[test]
fn an_observed_check_never_counts_and_one_that_is_always_required_always_does() {
    let health = health();
    let smtp = health.observe("smtp");
    let certificate = health.require_always("certificate");
    smtp.set_unusable("SmtpUnreachable", "The mail server does not answer.");
    certificate.set_usable();
    assert!(health.not_ready().is_empty());
    certificate.set_unusable("CertificateMissing", "There is no certificate.");
    assert_eq!(health.not_ready(), [("certificate", "There is no certificate.".to_owned())]);
}

#[test]
fn since_moves_when_a_check_changes_and_not_when_it_is_set_again() {
    let health = health();
    let redis = health.require("redis");
    let since = || check(&health, "redis").since;
    let started = since();
    advance(1);
    assert_eq!(since(), started);
    redis.set_unusable("RedisUnreachable", "Redis refuses connections.");
    let unreachable = since();
    assert_ne!(unreachable, started);
    advance(1);
    redis.set_unusable("RedisUnreachable", "Redis does not answer.");
    assert_eq!(since(), unreachable);
    assert_eq!(check(&health, "redis").message.as_deref(), Some("Redis does not answer."));
    redis.set_unusable("RedisLoading", "Redis loads its data.");
    let loading = since();
    assert_ne!(loading, unreachable);
    advance(1);
    redis.set_usable();
    assert_ne!(since(), loading);
    let usable = since();
    advance(1);
    redis.set_usable();
    assert_eq!(since(), usable);
}

#[test]
fn a_change_is_logged_once_and_not_at_each_try() {
    let change = || {
        let redis = health().require("redis");
        for _ in 0..3 {
            redis.set_unusable("RedisUnreachable", "Redis does not answer.");
        }
        for _ in 0..3 {
            redis.set_usable();
        }
    };
    // Once without a subscriber: a line that another test logs first, while this one's exists, would stay off for both.
    change();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, change);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let count = |word: &str| text.lines().filter(|line| line.contains(word)).count();
    assert_eq!((count("RedisUnreachable"), count(": usable"), count(": ready")), (1, 1, 1), "{text}");
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_report_is_the_json_that_the_operator_reads() {
    let health = health();
    let smtp = health.observe("smtp");
    let redis = health.require("redis");
    let delivery = health.moment("lastDelivery");
    redis.set_usable();
    advance(3);
    smtp.set_unusable("SmtpHostNotFound", "SMTP_HOST has no address. Check its spelling.");
    let json = || String::from_utf8(health.report(false).to_json()).unwrap();
    insta::assert_snapshot!(json(), @r#"{"ready":true,"checks":[{"name":"redis","usable":true,"since":"2023-11-14T22:13:20Z"},{"name":"smtp","usable":false,"since":"2023-11-14T22:13:23Z","reason":"SmtpHostNotFound","message":"SMTP_HOST has no address. Check its spelling."}]}"#);
    advance(60);
    smtp.set_usable();
    delivery.mark();
    insta::assert_snapshot!(json(), @r#"{"ready":true,"checks":[{"name":"redis","usable":true,"since":"2023-11-14T22:13:20Z"},{"name":"smtp","usable":true,"since":"2023-11-14T22:14:23Z"}],"lastDelivery":"2023-11-14T22:14:23Z"}"#);
}

#[test]
fn a_process_that_drains_is_not_ready() {
    let health = health();
    health.require("redis").set_usable();
    assert!(health.report(false).ready);
    assert!(!health.report(true).ready);
}

#[test]
fn a_report_has_at_most_8_kib_and_a_message_512_characters() {
    let health = health();
    let redis = health.require("redis");
    redis.set_unusable("RedisUnreachable", "ä".repeat(600));
    assert_eq!(check(&health, "redis").message, Some("ä".repeat(512)));
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"] {
        health.observe(name).set_unusable("Unreachable", "ä".repeat(512));
    }
    let json = health.report(false).to_json();
    assert!(json.len() <= 8 * 1024, "{} octets", json.len());
    let read = serde_json::from_slice::<serde_json::Value>(&json).unwrap();
    assert_eq!(read["checks"].as_array().unwrap().len(), 13);
    assert_eq!(read["checks"][12]["reason"], "RedisUnreachable");
}

#[test]
fn the_clock_is_that_of_the_machine() {
    let before = crate::timestamp::rfc3339_seconds(SystemTime::now());
    let health = Health::new();
    let _redis = health.require("redis");
    let after = crate::timestamp::rfc3339_seconds(SystemTime::now());
    let since = check(&health, "redis").since;
    assert!(before <= since && since <= after, "{before} {since} {after}");
}
