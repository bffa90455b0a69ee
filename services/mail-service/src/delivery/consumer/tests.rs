use std::{sync::atomic::Ordering, time::Duration};

use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
    topology::{PARKING_QUEUE, RetryTier},
};
use service_kit::{
    backoff::Backoff,
    shutdown::{Finish, Shutdown},
};

use traces::TraceParent;

use super::{Consumer, Settings};
use crate::{
    delivery::{
        fakes::{FakeMailer, FakeOutbox, FakeQueue, FakeSentLog, Fate, NOW_MS, handler, queue},
        settle::Settler,
    },
    smtp::{Failure, Reply, phase::Phase},
};

struct Rig {
    queue: FakeQueue,
    sent: FakeSentLog,
    mailer: FakeMailer,
    outbox: FakeOutbox,
    shutdown: Shutdown,
}

fn run(mailer: FakeMailer) -> Rig {
    let (queue, source) = queue();
    let sent = FakeSentLog::default();
    let outbox = FakeOutbox::default();
    let shutdown = Shutdown::new();
    let handler = handler(sent.clone(), mailer.clone());
    let settler =
        Settler { outbox: outbox.clone(), metrics: handler.metrics.clone(), shutdown: shutdown.clone() };
    let probing = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    let settings = Settings { concurrency: 4, probing };
    shutdown.spawn_critical("consumer", Consumer::new(source, handler, settler, settings).run());
    Rig { queue, sent, mailer, outbox, shutdown }
}

fn event(seed: u8) -> Vec<u8> {
    let to = EmailAddress::parse("ada@example.org").unwrap();
    MailEvent::sign_in_code(EventId::from_bytes([seed; 16]), to, "482931", 5).to_json()
}

fn refused(phase: Phase, code: u16) -> Failure {
    Failure::Refused { phase, reply: Reply::new(code) }
}

#[tokio::test]
async fn a_delivered_mail_is_acked() {
    let mut rig = run(FakeMailer::default());
    rig.queue.push(rig.queue.item("mail", event(1)));
    assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
    assert_eq!(rig.mailer.sent.lock().unwrap().len(), 1);
    assert!(rig.outbox.published.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_deferred_mail_waits_in_its_tier_with_attempt_and_expiry() {
    let mut rig = run(FakeMailer::failing(refused(Phase::Rcpt, 451)));
    let mut item = rig.queue.item("mail", event(1));
    item.expires_at_ms = None;
    rig.queue.push(item);
    assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
    let published = rig.outbox.published.lock().unwrap();
    let message = &published[0];
    assert_eq!((message.queue, message.attempt), (RetryTier::Seconds15.queue_name(), Some(2)));
    assert_eq!((message.expires_at_ms, message.body.clone()), (Some(NOW_MS + 300_000), event(1)));
}

#[tokio::test]
async fn a_retry_keeps_the_date_and_the_wishes_of_its_publisher() {
    for (locales, kept) in [(Some("de-AT,de"), "de-AT,de"), (Some("de,\r\n,../x"), "de"), (None, "")] {
        let mut rig = run(FakeMailer::failing(refused(Phase::Rcpt, 451)));
        let mut item = rig.queue.item("mail", event(1));
        (item.issued_at_ms, item.locales) = (Some(NOW_MS - 1_000), locales.map(str::to_owned));
        rig.queue.push(item);
        assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
        let message = rig.outbox.published.lock().unwrap().remove(0);
        assert_eq!((message.issued_at_ms, message.wishes.to_string().as_str()), (Some(NOW_MS - 1_000), kept));
    }
}

#[tokio::test]
async fn a_copy_of_a_message_stays_in_the_trace_of_its_publisher() {
    let publisher = TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    for (code, trace_parent) in [(451, publisher), (550, publisher), (451, None)] {
        let mut rig = run(FakeMailer::failing(refused(Phase::Rcpt, code)));
        let mut item = rig.queue.item("mail", event(1));
        item.trace_parent = trace_parent;
        rig.queue.push(item);
        assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
        assert_eq!(rig.outbox.published.lock().unwrap()[0].trace_parent, trace_parent);
    }
}

#[tokio::test]
async fn a_refused_mail_is_parked_without_code_or_address() {
    let mut rig = run(FakeMailer::failing(refused(Phase::Rcpt, 550)));
    rig.queue.push(rig.queue.item("mail", event(1)));
    assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
    let published = rig.outbox.published.lock().unwrap();
    let note = String::from_utf8(published[0].body.clone()).unwrap();
    assert_eq!(published[0].queue, PARKING_QUEUE);
    assert!(note.contains(r#""reason":"refused","smtp":"550""#), "{note}");
    assert!(!note.contains("482931") && !note.contains("ada@"), "{note}");
}

#[tokio::test]
async fn a_mail_whose_next_try_would_come_too_late_is_given_up() {
    let mut rig = run(FakeMailer::failing(refused(Phase::Rcpt, 451)));
    let mut item = rig.queue.item("mail", event(1));
    item.expires_at_ms = Some(NOW_MS + 10_000);
    rig.queue.push(item);
    assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
    let published = rig.outbox.published.lock().unwrap();
    let note = String::from_utf8(published[0].body.clone()).unwrap();
    assert!(
        published[0].queue == PARKING_QUEUE && note.contains(r#""reason":"gave_up","after":"deferred""#),
        "{note}"
    );
}

#[tokio::test]
async fn an_expired_mail_is_dropped() {
    let mut rig = run(FakeMailer::default());
    let mut item = rig.queue.item("mail", event(1));
    item.expires_at_ms = Some(NOW_MS - 1);
    rig.queue.push(item);
    assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
    assert!(rig.mailer.sent.lock().unwrap().is_empty());
}

/// Also the first half of what must be seen when the parking queue is gone: the message is somewhere.
#[tokio::test]
async fn a_message_that_cannot_be_parked_is_kept() {
    let mut rig = run(FakeMailer::failing(refused(Phase::Rcpt, 550)));
    rig.outbox.refused.lock().unwrap().insert(PARKING_QUEUE);
    rig.queue.push(rig.queue.item("mail", event(1)));
    assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
    let published = rig.outbox.published.lock().unwrap();
    assert_eq!((published[0].queue, &published[0].body), (RetryTier::Seconds45.queue_name(), &event(1)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_published_anywhere_goes_back() {
    let mut rig = run(FakeMailer::failing(refused(Phase::Rcpt, 451)));
    rig.outbox.refused.lock().unwrap().insert(RetryTier::Seconds15.queue_name());
    rig.queue.push(rig.queue.item("mail", event(1)));
    assert_eq!(rig.queue.fate().await, ("mail", Fate::Requeued));
}

#[tokio::test]
async fn trouble_pauses_and_a_probe_resumes() {
    let down = Failure::Broken { phase: Phase::Connect };
    let mailer = FakeMailer::failing(down);
    *mailer.probe_fails.lock().unwrap() = Some(down);
    let mut rig = run(mailer);
    rig.queue.push(rig.queue.item("first", event(1)));
    assert_eq!(rig.queue.fate().await, ("first", Fate::Requeued));
    assert!(!rig.queue.consuming.load(Ordering::SeqCst));
    rig.queue.push(rig.queue.item("second", event(2)));
    *rig.mailer.probe_fails.lock().unwrap() = None;
    assert_eq!(rig.queue.fate().await, ("second", Fate::Acked));
    assert!(rig.queue.consuming.load(Ordering::SeqCst));
}

#[tokio::test]
async fn trouble_that_is_not_the_messages_costs_no_try() {
    for failure in
        [Failure::Broken { phase: Phase::Connect }, refused(Phase::Login, 535), refused(Phase::Mail, 550)]
    {
        let mut rig = run(FakeMailer::failing(failure));
        let mut item = rig.queue.item("last", event(1));
        item.attempt = 99;
        item.expires_at_ms = Some(NOW_MS + 1_000);
        rig.queue.push(item);
        assert_eq!(rig.queue.fate().await, ("last", Fate::Requeued), "{failure}");
        assert!(rig.outbox.published.lock().unwrap().is_empty(), "{failure}");
    }
}

#[tokio::test]
async fn a_silent_redis_costs_no_try() {
    let mut rig = run(FakeMailer::default());
    rig.sent.silent.store(true, Ordering::SeqCst);
    let mut item = rig.queue.item("last", event(1));
    item.attempt = 99;
    rig.queue.push(item);
    assert_eq!(rig.queue.fate().await, ("last", Fate::Requeued));
    assert!(rig.outbox.published.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_silent_redis_pauses_and_its_answer_resumes() {
    let mut rig = run(FakeMailer::default());
    rig.sent.silent.store(true, Ordering::SeqCst);
    rig.queue.push(rig.queue.item("first", event(1)));
    assert_eq!(rig.queue.fate().await, ("first", Fate::Requeued));
    rig.sent.silent.store(false, Ordering::SeqCst);
    rig.queue.push(rig.queue.item("second", event(2)));
    assert_eq!(rig.queue.fate().await, ("second", Fate::Acked));
}

fn refused_with_the_message() -> Failure {
    let reply = Reply { concerns_sender: true, ..Reply::new(554) };
    Failure::Refused { phase: Phase::Accept, reply }
}

#[tokio::test]
async fn one_odd_answer_about_the_sender_costs_one_try_and_does_not_pause() {
    let mut rig = run(FakeMailer::failing(refused_with_the_message()));
    rig.queue.push(rig.queue.item("first", event(1)));
    assert_eq!(rig.queue.fate().await, ("first", Fate::Acked));
    assert_eq!(rig.outbox.published.lock().unwrap()[0].queue, RetryTier::Seconds5.queue_name());
    rig.queue.push(rig.queue.item("second", event(2)));
    assert_eq!(rig.queue.fate().await, ("second", Fate::Acked));
    assert!(rig.queue.consuming.load(Ordering::SeqCst));
    assert_eq!(rig.mailer.sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_second_answer_about_the_sender_pauses_until_the_mail_that_met_it_is_taken() {
    let mailer = FakeMailer::default();
    mailer.script.lock().unwrap().extend([refused_with_the_message(); 5]);
    let mut rig = run(mailer);
    rig.queue.push(rig.queue.item("first", event(1)));
    assert_eq!(rig.queue.fate().await, ("first", Fate::Acked));
    rig.queue.push(rig.queue.item("second", event(2)));
    // MAIL is taken all the time: that alone does not end the pause.
    assert_eq!(rig.queue.fate().await, ("second", Fate::Acked));
    assert!(rig.mailer.script.lock().unwrap().is_empty(), "it was tried until it was taken");
    assert_eq!(rig.mailer.sent.lock().unwrap().len(), 1);
    assert_eq!(rig.outbox.published.lock().unwrap().len(), 1, "the first one's retry, and nothing is parked");
    rig.queue.push(rig.queue.item("third", event(3)));
    assert_eq!(rig.queue.fate().await, ("third", Fate::Acked));
}

#[tokio::test]
async fn the_end_of_the_process_gives_the_mail_back_that_is_tried_in_a_pause() {
    let mailer = FakeMailer::default();
    mailer.script.lock().unwrap().extend(std::iter::repeat_n(refused_with_the_message(), 10_000));
    let mut rig = run(mailer);
    rig.queue.push(rig.queue.item("first", event(1)));
    assert_eq!(rig.queue.fate().await, ("first", Fate::Acked));
    rig.queue.push(rig.queue.item("second", event(2)));
    while rig.queue.consuming.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    rig.shutdown.trigger();
    assert_eq!(rig.queue.fate().await, ("second", Fate::Dropped));
    assert_eq!(rig.shutdown.finish(Duration::from_secs(30)).await, Finish::Clean);
}

#[tokio::test]
async fn shutdown_finishes_what_is_in_work_and_is_clean() {
    let mut rig = run(FakeMailer::default());
    rig.queue.push(rig.queue.item("mail", event(1)));
    assert_eq!(rig.queue.fate().await, ("mail", Fate::Acked));
    rig.shutdown.trigger();
    assert_eq!(rig.shutdown.finish(Duration::from_secs(30)).await, Finish::Clean);
    assert!(!rig.queue.consuming.load(Ordering::SeqCst));
}
