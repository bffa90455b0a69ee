//! Sealed events, on their way to the mail server.

use mail_templates::{Brand, LanguageTag, Templates};
use ping_contract::{address::EmailAddress, event::EventId};
use sealed_mail::{Binding, Contents, PrivateKey, Sealer};

use super::Handler;
use crate::{
    delivery::{
        fakes::{FakeMailer, FakeSentLog, NOW_MS, handler},
        outcome::{Outcome, RejectReason},
        retry::RetryReason,
    },
    event::EventReader,
    open_keys::OpenKeys,
    queue::Received,
    words::{Branded, Words},
};

const EXPIRES_AT_MS: i64 = NOW_MS + 300_000;

fn id() -> EventId {
    EventId::from_bytes([7; 16])
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_random([seed; 32]).unwrap()
}

fn sealed() -> Vec<u8> {
    let sealer = Sealer::new(&key(1).public_key(), &mut rand::rng()).unwrap();
    let to = EmailAddress::parse("ada@example.org").unwrap();
    let contents = Contents { to, code: "482931".to_owned(), ttl_seconds: 300 };
    let binding = Binding { id: &id(), purpose: "sign-in", expires_at_ms: EXPIRES_AT_MS };
    sealer.seal(binding, &contents, [9; 12]).unwrap()
}

fn received(body: &[u8]) -> Received<'_> {
    Received {
        body,
        message_id: None,
        expires_at_ms: Some(EXPIRES_AT_MS),
        issued_at_ms: Some(NOW_MS - 1000),
        published_at_ms: None,
        locales: Some("de"),
        attempt: 1,
        delivery_count: 0,
        trace_parent: None,
    }
}

fn with_keys(mailer: &FakeMailer, keys: Vec<PrivateKey>) -> Handler<FakeSentLog, FakeMailer> {
    let reader = EventReader { local_domains: Vec::new(), keys: OpenKeys::of(keys) };
    Handler { reader, ..handler(FakeSentLog::default(), mailer.clone()) }
}

fn branded() -> Words {
    Words::Branded(Box::new(Branded {
        templates: Templates::shipped(),
        brand: Brand::named("Acme".parse().unwrap()),
        default_language: LanguageTag::english(),
        code_in_subject: true,
        follows_wishes: true,
    }))
}

#[tokio::test]
async fn a_sealed_event_is_mailed_in_the_originals_words() {
    let mailer = FakeMailer::default();
    let (outcome, facts) = with_keys(&mailer, vec![key(2), key(1)]).handle(&received(&sealed())).await;
    assert_eq!((outcome, facts.id), (Outcome::Delivered, Some(id())));
    let mails = mailer.sent.lock().unwrap();
    assert!(mails[0].contains("Your OTP code is 482931. It is valid for 5 minutes."), "{}", mails[0]);
}

#[tokio::test]
async fn a_branded_mail_has_a_text_part_and_then_html_and_the_same_bytes_each_time() {
    let mailer = FakeMailer::default();
    for _ in 0..2 {
        let handler = Handler { words: branded(), ..with_keys(&mailer, vec![key(1)]) };
        assert_eq!(handler.handle(&received(&sealed())).await.0, Outcome::Delivered);
    }
    let mails = mailer.sent.lock().unwrap();
    let mail = &mails[0];
    let places =
        ["multipart/alternative", "text/plain", "text/html"].map(|part| mail.find(part).expect(part));
    assert!(places.is_sorted(), "{mail}");
    assert_eq!(mails[0], mails[1]);
}

#[tokio::test]
async fn a_sealed_event_that_was_changed_or_moved_is_parked_and_not_mailed() {
    let mailer = FakeMailer::default();
    let handler = with_keys(&mailer, vec![key(1)]);
    let body = sealed();
    let other_id = String::from_utf8(body.clone()).unwrap().replace(id().as_str(), &"8".repeat(32));
    let moved = [
        Received { expires_at_ms: Some(EXPIRES_AT_MS + 60_000), ..received(&body) },
        Received { expires_at_ms: None, ..received(&body) },
        received(other_id.as_bytes()),
    ];
    for received in moved {
        assert_eq!(handler.handle(&received).await.0, Outcome::Reject(RejectReason::Tampered));
    }
    assert!(mailer.tried.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_event_sealed_with_an_unknown_key_is_tried_until_its_code_is_dead() {
    let mailer = FakeMailer::default();
    let handler = with_keys(&mailer, vec![key(2)]);
    let body = sealed();
    let (outcome, facts) = handler.handle(&received(&body)).await;
    assert_eq!((outcome, facts.id), (Outcome::Retry(RetryReason::UnknownKey), Some(id())));
    assert_eq!(facts.expires_at_ms, Some(EXPIRES_AT_MS));
    handler.sent.later_ms.store(300_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(handler.handle(&received(&body)).await.0, Outcome::Expired);
    assert!(mailer.tried.lock().unwrap().is_empty());
}
