//! The moment that a mail is dated with. All tries of one event have the same, and so the same bytes: some mail servers recognise
//! a second copy by its Message-ID and `Date` together.

use std::time::Duration;

use crate::queue::Received;

/// A time further in the future is a mistake, such as a `timestamp` in milliseconds. No mail could be dated after the year 9999.
const AHEAD: Duration = Duration::from_hours(24);

/// A time longer ago is a mistake, such as `x-ping-issued-at` in seconds.
const AGO: Duration = Duration::from_hours(365 * 24);

/// When the event was made, in Unix milliseconds: by its header, which retries keep, or else by its AMQP `timestamp`. Where both
/// are missing or cannot be true it is `now_ms`, which the first retry makes its header.
pub(super) fn issued_at(received: &Received<'_>, now_ms: i64) -> i64 {
    let in_ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let possible = now_ms.saturating_sub(in_ms(AGO))..=now_ms.saturating_add(in_ms(AHEAD));
    let told = [received.issued_at_ms, received.published_at_ms].into_iter().flatten();
    told.filter(|ms| *ms > 0).find(|ms| possible.contains(ms)).unwrap_or(now_ms)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use ping_contract::{
        address::EmailAddress,
        event::{EventId, MailEvent},
    };
    use service_kit::shutdown::Shutdown;

    use super::issued_at;
    use crate::{
        delivery::{
            fakes::{FakeItem, FakeMailer, FakeOutbox, FakeSentLog, NOW_MS, handler, queue},
            settle::Settler,
        },
        queue::Incoming as _,
        smtp::{Failure, phase::Phase},
    };

    const DAY_MS: i64 = 24 * 3_600_000;

    fn item(change: impl FnOnce(&mut FakeItem)) -> FakeItem {
        let (queue, _) = queue();
        let to = EmailAddress::parse("ada@example.org").unwrap();
        let event = MailEvent::sign_in_code(EventId::from_bytes([7; 16]), to, "482931", 5);
        let mut item = queue.item("mail", event.to_json());
        change(&mut item);
        item
    }

    #[test]
    fn a_mail_is_dated_by_its_header_then_by_its_timestamp_then_by_the_clock() {
        let told = |header: Option<i64>, timestamp: Option<i64>| {
            let item = item(|item| (item.issued_at_ms, item.published_at_ms) = (header, timestamp));
            issued_at(&item.received(), NOW_MS)
        };
        let (header, timestamp) = (NOW_MS - 5, NOW_MS - 7);
        assert_eq!(told(Some(header), Some(timestamp)), header);
        assert_eq!(told(None, Some(timestamp)), timestamp);
        assert_eq!(told(None, None), NOW_MS);
        assert_eq!(told(Some(NOW_MS + DAY_MS), None), NOW_MS + DAY_MS, "clocks differ");
        assert_eq!(told(Some(NOW_MS - 30 * DAY_MS), None), NOW_MS - 30 * DAY_MS, "the queue waited");
        for wrong in [i64::MIN, -1, 0, NOW_MS / 1000, NOW_MS + DAY_MS + 1, NOW_MS * 1000, i64::MAX] {
            assert_eq!(told(Some(wrong), Some(timestamp)), timestamp, "{wrong}");
            assert_eq!(told(None, Some(wrong)), NOW_MS, "{wrong}");
        }
    }

    /// The bytes of a try that no answer came to, and those of its retry 15 s later.
    async fn two_tries(first: FakeItem) -> [String; 2] {
        let (log, outbox) = (FakeSentLog::default(), FakeOutbox::default());
        let mailer = FakeMailer::failing(Failure::TimedOut { phase: Phase::Accept });
        let handler = handler(log.clone(), mailer.clone());
        let metrics = handler.metrics.clone();
        let settler = Settler { outbox: outbox.clone(), metrics, shutdown: Shutdown::new() };
        let (outcome, facts) = handler.handle(&first.received()).await;
        settler.settle(first, outcome, &facts).await;
        let retry = outbox.published.lock().unwrap().pop().unwrap();
        log.later_ms.store(15_000, Ordering::SeqCst);
        let second = item(|item| {
            item.message_id = Some(retry.message_id);
            (item.body, item.attempt) = (retry.body, retry.attempt.unwrap());
            (item.expires_at_ms, item.issued_at_ms) = (retry.expires_at_ms, retry.issued_at_ms);
        });
        handler.handle(&second.received()).await;
        let tried = mailer.tried.lock().unwrap().clone();
        tried.try_into().unwrap()
    }

    #[tokio::test]
    async fn a_retry_has_the_same_bytes_as_the_first_try() {
        let [first, second] = two_tries(item(|item| item.issued_at_ms = Some(NOW_MS - 61_000))).await;
        assert_eq!(first, second);
        assert!(first.contains("Date: Tue, 02 Oct 2096 07:05:39 +0000\r\n"), "{first}");
    }

    #[tokio::test]
    async fn a_retry_of_an_event_that_says_no_time_keeps_that_of_the_first_try() {
        let foreign = br#"{"to":"ada@example.org","subject":"Hello","body":"x"}"#;
        let [first, second] = two_tries(item(|item| item.body = foreign.to_vec())).await;
        assert_eq!(first, second);
        assert!(first.contains("Date: Tue, 02 Oct 2096 07:06:40 +0000\r\n"), "{first}");
    }

    #[tokio::test]
    async fn a_time_that_cannot_be_true_ends_no_process() {
        for wrong in [i64::MIN, i64::MAX] {
            let [first, second] = two_tries(item(|item| item.issued_at_ms = Some(wrong))).await;
            assert_eq!(first, second);
        }
    }
}
