use std::sync::atomic::Ordering;

use ping_contract::{
    address::EmailAddress,
    event::{EventError, EventId, MailEvent},
};

use service_kit::metrics::Metrics;

use super::{DELIVERY_LIMIT, Handler};
use crate::{
    delivery::{
        fakes::{FakeMailer, FakeSentLog, NOW_MS, handler},
        metrics::MailMetrics,
        outcome::{Outcome, RejectReason},
        retry::{PauseReason, RetryReason},
    },
    queue::Received,
    smtp::{Failure, phase::Phase},
};

fn id() -> EventId {
    EventId::from_bytes([7; 16])
}

fn event() -> Vec<u8> {
    let to = EmailAddress::parse("ada@example.org").unwrap();
    MailEvent::sign_in_code(id(), to, "482931", 5).to_json()
}

fn received(body: &[u8]) -> Received<'_> {
    let expires_at_ms = Some(NOW_MS + 300_000);
    Received {
        body,
        message_id: None,
        expires_at_ms,
        issued_at_ms: None,
        published_at_ms: None,
        locales: None,
        attempt: 1,
        delivery_count: 0,
        trace_parent: None,
    }
}

fn measured_handler() -> (Metrics, Handler<FakeSentLog, FakeMailer>) {
    let registry = Metrics::new("mail-service", "0");
    let plain = handler(FakeSentLog::default(), FakeMailer::default());
    let measured = Handler { metrics: MailMetrics::register(&registry), ..plain };
    (registry, measured)
}

#[tokio::test]
async fn a_mail_that_is_accepted_is_delivered_and_remembered() {
    let sent = FakeSentLog::default();
    let mailer = FakeMailer::default();
    let (outcome, facts) = handler(sent.clone(), mailer.clone()).handle(&received(&event())).await;
    assert_eq!((outcome, facts.id), (Outcome::Delivered, Some(id())));
    assert!(sent.marked.lock().unwrap().contains(&id()));
    let mails = mailer.sent.lock().unwrap();
    assert!(
        mails[0].contains("Your OTP code is 482931.")
            && mails[0].contains(&format!("<{}@ping.example>", id()))
    );
}

#[tokio::test]
async fn a_mail_that_was_sent_before_is_not_sent_again() {
    let sent = FakeSentLog::default();
    let mailer = FakeMailer::default();
    sent.marked.lock().unwrap().insert(id());
    let (outcome, _) = handler(sent, mailer.clone()).handle(&received(&event())).await;
    assert_eq!(outcome, Outcome::Delivered);
    assert!(mailer.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn expiry_is_judged_by_redis_clock() {
    let mailer = FakeMailer::default();
    let handler = handler(FakeSentLog::default(), mailer.clone());
    let body = event();
    let expired = Received { expires_at_ms: Some(NOW_MS), ..received(&body) };
    assert_eq!(handler.handle(&expired).await.0, Outcome::Expired);
    assert!(mailer.sent.lock().unwrap().is_empty());
    let alive = Received { expires_at_ms: Some(NOW_MS + 10_000), ..received(&body) };
    assert_eq!(handler.handle(&alive).await.0, Outcome::Delivered);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_code_is_measured_when_its_mail_is_accepted() {
    let (registry, handler) = measured_handler();
    let body = event();
    let old = Received { expires_at_ms: Some(NOW_MS + 300_000 - 45_000), ..received(&body) };
    assert_eq!(handler.handle(&old).await.0, Outcome::Delivered);
    // Nobody knows how old a foreign event is.
    let foreign = Received { expires_at_ms: None, ..received(&body) };
    assert_eq!(handler.handle(&foreign).await.0, Outcome::Delivered);
    let text = registry.encode();
    assert!(text.contains("ping_mail_age_seconds_sum 45.0\nping_mail_age_seconds_count 1\n"), "{text}");
}

#[tokio::test]
async fn an_event_without_the_header_lives_as_long_as_a_code_from_its_first_receipt() {
    let handler = handler(FakeSentLog::default(), FakeMailer::default());
    let body = event();
    let (_, facts) = handler.handle(&Received { expires_at_ms: None, ..received(&body) }).await;
    assert_eq!(facts.expires_at_ms, Some(NOW_MS + 300_000));
    let (outcome, _) = handler.handle(&Received { expires_at_ms: Some(i64::MAX), ..received(&body) }).await;
    assert_eq!(outcome, Outcome::Delivered);
}

#[tokio::test]
async fn an_event_of_another_publisher_does_not_expire_with_codes() {
    let handler = handler(FakeSentLog::default(), FakeMailer::default());
    let body = br#"{"to":"Ada <ada@example.org>, bob@example.org","subject":"Hello"}"#;
    let (outcome, facts) = handler.handle(&Received { expires_at_ms: None, ..received(body) }).await;
    assert_eq!((outcome, facts.id), (Outcome::Delivered, None));
    assert_eq!(facts.expires_at_ms, Some(NOW_MS + 24 * 3_600_000));
    let mails = handler.mailer.sent.lock().unwrap();
    assert!(mails[0].contains("To: ada@example.org, bob@example.org\r\n"), "{}", mails[0]);
}

#[tokio::test]
async fn no_answer_from_redis_sends_nothing() {
    let sent = FakeSentLog::default();
    let mailer = FakeMailer::default();
    sent.silent.store(true, Ordering::SeqCst);
    let (outcome, _) = handler(sent, mailer.clone()).handle(&received(&event())).await;
    assert_eq!(outcome, Outcome::Pause(PauseReason::RedisSilent));
    assert!(mailer.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_event_is_rejected_without_a_word_of_it() {
    let handler = handler(FakeSentLog::default(), FakeMailer::default());
    let big = vec![b' '; 10 * 1024 * 1024];
    let cases: [(&[u8], EventError); 4] = [
        (b"nonsense", EventError::Malformed),
        (&big, EventError::TooLarge),
        (br#"{"v":9,"to":"a@b.org","subject":"s","body":"b"}"#, EventError::Version),
        (br#"{"to":"a@b\r\nBcc: c@d.org","subject":"s","body":"b"}"#, EventError::Recipient),
    ];
    for (body, error) in cases {
        let (outcome, _) = handler.handle(&received(body)).await;
        assert_eq!(outcome, Outcome::Reject(RejectReason::Unreadable(error)));
    }
}

#[tokio::test]
async fn what_keeps_coming_back_is_rejected_before_it_is_read() {
    let mailer = FakeMailer::default();
    let handler = handler(FakeSentLog::default(), mailer.clone());
    let body = event();
    let again = |count| Received { delivery_count: count, ..received(&body) };
    let (outcome, facts) = handler.handle(&again(DELIVERY_LIMIT + 1)).await;
    assert_eq!((outcome, facts.to), (Outcome::Reject(RejectReason::DeliveredTooOften), None));
    assert!(mailer.sent.lock().unwrap().is_empty());
    assert_eq!(handler.handle(&again(DELIVERY_LIMIT)).await.0, Outcome::Delivered);
}

#[tokio::test]
async fn a_foreign_event_keeps_its_message_id_over_its_retries() {
    let mailer = FakeMailer::failing(Failure::TimedOut { phase: Phase::Accept });
    let handler = handler(FakeSentLog::default(), mailer.clone());
    let body = br#"{"to":"ada@example.org","subject":"Hello","body":"x"}"#;
    let (outcome, facts) = handler.handle(&received(body)).await;
    assert_eq!((outcome, facts.id), (Outcome::Retry(RetryReason::TimedOut), None));
    let again = Received { message_id: Some(facts.root.as_str()), attempt: 2, ..received(body) };
    assert_eq!(handler.handle(&again).await.0, Outcome::Delivered);
    assert!(mailer.sent.lock().unwrap()[0].contains(&format!("<{}@ping.example>", facts.root)));
}
