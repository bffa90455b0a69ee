//! One message, from its bytes to an [`Outcome`]. No queue here: the consumer acts on what this says.

use std::time::{Duration, SystemTime};

use ping_contract::{address::EmailAddress, event::EventId};
use redis_client::StoreError;
use sealed_mail::OpenError;
use service_kit::telemetry::chain;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{
    issued_at::issued_at,
    metrics::MailMetrics,
    outcome::{Outcome, RejectReason},
    retry::{FOREIGN_RETRIES, PauseReason, RetryReason},
    sent::{SentCheck, SentLog},
    spans::{record_smtp, smtp_span},
};
use crate::{
    event::{Event, EventReader, ReadError, sealed_id},
    message::MessageWriter,
    queue::Received,
    smtp::{Failure, Mailer, sender_refusal::SenderReports},
    words::{Letter, Words},
};

/// How often a message may come back by itself (a crash, a lost connection, a pause) before it is parked unread.
pub const DELIVERY_LIMIT: u64 = 20;

/// No event lives longer, whatever its header claims.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// What was learned on the way to the outcome.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The event's id; none in a foreign event.
    pub id: Option<EventId>,
    /// The recipient.
    pub to: Option<EmailAddress>,
    /// What its Message-ID is made of: the id, or a random one that its retries keep.
    pub root: EventId,
    /// When it was made, on Redis' clock, once that is known: the mail's `Date`, which its retries keep.
    pub issued_at_ms: Option<i64>,
    /// When its code dies, on Redis' clock, once that is known.
    pub expires_at_ms: Option<i64>,
    /// When its code dies, on our clock; a whole life if that is not known.
    pub expires: Instant,
    /// What the mail server did.
    pub failure: Option<Failure>,
}

/// Handles messages with what it is given: Redis and a relay, or their fakes.
pub struct Handler<S, M> {
    /// Which mails were sent.
    pub sent: S,
    /// Where mail goes.
    pub mailer: M,
    /// How mails are written.
    pub writer: MessageWriter,
    /// The life of an event of ours without the expiry header, from its first receipt.
    pub code_life: Duration,
    /// How events are read.
    pub reader: EventReader,
    /// How codes are put into words.
    pub words: Words,
    pub metrics: MailMetrics,
    /// Late refusals of the sender in a row.
    pub sender_reports: SenderReports,
}

impl<S: SentLog, M: Mailer> Handler<S, M> {
    /// Sends one mail, or says why not.
    pub async fn handle(&self, received: &Received<'_>) -> (Outcome, Facts) {
        let mut facts = self.first_facts(received);
        let outcome = self.outcome(received, &mut facts).await.unwrap_or_else(|other| other);
        log(outcome, received.attempt, &facts);
        (outcome, facts)
    }

    /// Whether a message could be handled now; if not, why consuming still pauses. `last` is the reason so far: it
    /// stays where the mail server does not name another.
    pub async fn probe(&self, last: PauseReason) -> Result<(), PauseReason> {
        self.sent.look(None).await.map_err(|error| silent(&error))?;
        match self.mailer.probe(self.writer.sender()).await.map_err(Outcome::from) {
            Ok(()) => Ok(()),
            Err(Outcome::Pause(reason)) => Err(reason),
            Err(Outcome::Retry(_)) => Err(last),
            Err(_) => Err(PauseReason::RelayUnreachable),
        }
    }

    fn first_facts(&self, received: &Received<'_>) -> Facts {
        let root = received.message_id.and_then(|id| id.parse::<EventId>().ok());
        Facts {
            id: None,
            to: None,
            root: root.unwrap_or_else(|| EventId::from_bytes(rand::random())),
            issued_at_ms: received.issued_at_ms.or(received.published_at_ms),
            expires_at_ms: received.expires_at_ms,
            expires: Instant::now() + self.code_life,
            failure: None,
        }
    }

    /// `Err` is an outcome too, reached early.
    async fn outcome(&self, received: &Received<'_>, facts: &mut Facts) -> Result<Outcome, Outcome> {
        if received.delivery_count > DELIVERY_LIMIT {
            return Err(self.count(Outcome::Reject(RejectReason::DeliveredTooOften), facts));
        }
        let read = match self.read(received, facts) {
            // Its code has an end all the same.
            Err(error) if error != ReadError::Open(OpenError::UnknownKey) => {
                return Err(self.count(error.into(), facts));
            }
            read => read,
        };
        let look = self.sent.look(facts.id.as_ref()).await;
        let check = look.map_err(|error| self.count(Outcome::Pause(silent(&error)), facts))?;
        facts.issued_at_ms = Some(issued_at(received, check.now_ms));
        self.judge_expiry(received, &check, facts);
        if check.sent {
            self.metrics.already_sent();
            return Ok(Outcome::Delivered);
        }
        if facts.expires <= Instant::now() {
            return Err(self.count(Outcome::Expired, facts));
        }
        if facts.id.is_none() && received.attempt > FOREIGN_RETRIES + 1 {
            let outcome = Outcome::Reject(RejectReason::GaveUp(RetryReason::ParkingRefused));
            return Err(self.count(outcome, facts));
        }
        let event = read.map_err(|error| self.count(error.into(), facts))?;
        let letter = self.words.letter(event, received.locales);
        if let Some(locale) = &letter.locale {
            self.metrics.rendered(locale);
        }
        if letter.fell_back {
            self.metrics.fell_back();
        }
        let outcome = self.send(&letter, check.asked, facts).await;
        if outcome == Outcome::Delivered && received.expires_at_ms.is_some() && facts.id.is_some() {
            self.metrics.aged(self.age(facts.expires));
        }
        Ok(self.count(outcome, facts))
    }

    fn read(&self, received: &Received<'_>, facts: &mut Facts) -> Result<Event, ReadError> {
        let event = self.reader.read(received).inspect_err(|_| facts.id = sealed_id(received.body));
        if let Ok(event) = &event {
            facts.id = event.id().cloned();
            facts.to = Some(event.to().clone());
            let unusable = event.unusable_recipients();
            if unusable > 0 {
                tracing::warn!(unusable, "some recipients of an event cannot be mailed to");
            }
        }
        if let Some(id) = &facts.id {
            facts.root = id.clone();
        }
        event
    }

    /// How long ago a code was made that dies at `expires`.
    fn age(&self, expires: Instant) -> Duration {
        self.code_life.saturating_sub(expires.saturating_duration_since(Instant::now()))
    }

    fn judge_expiry(&self, received: &Received<'_>, check: &SentCheck, facts: &mut Facts) {
        let in_ms = |life: Duration| check.now_ms + i64::try_from(life.as_millis()).unwrap_or(0);
        // Only events of ours hold a code, which expires.
        let life = if facts.id.is_some() { self.code_life } else { LONGEST_LIFE };
        let expires_at_ms = received.expires_at_ms.unwrap_or_else(|| in_ms(life)).min(in_ms(LONGEST_LIFE));
        facts.expires_at_ms = Some(expires_at_ms);
        facts.expires = check.moment(expires_at_ms);
    }

    /// `begun` is when this try began.
    async fn send(&self, letter: &Letter, begun: Instant, facts: &mut Facts) -> Outcome {
        let issued_at = facts.issued_at_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0);
        let date = SystemTime::UNIX_EPOCH + Duration::from_millis(issued_at);
        let mail = match self.writer.write(&letter.event, letter.html.as_deref(), &facts.root, date) {
            Ok(mail) => mail,
            Err(unwritable) => return unwritable.into(),
        };
        let span = smtp_span();
        let sent = self.mailer.send(&mail, facts.expires).instrument(span.clone()).await;
        record_smtp(&span, sent);
        let sender_refused = self.sender_reports.note(sent);
        if let Err(failure) = sent {
            facts.failure = Some(failure);
            return if sender_refused {
                Outcome::Pause(PauseReason::SenderRefusedLate)
            } else {
                failure.into()
            };
        }
        self.metrics.accepted(begun.elapsed());
        self.remember(facts).await;
        Outcome::Delivered
    }

    /// The mail is out whatever happens here: without the mark a crash before the ack would only mail it twice.
    async fn remember(&self, facts: &Facts) {
        let Some(id) = &facts.id else { return };
        let left = facts.expires.saturating_duration_since(Instant::now());
        if let Err(error) = self.sent.mark(id, left).await {
            tracing::warn!(%id, error = chain(&error), "sent, but could not be remembered as sent");
        }
    }

    fn count(&self, outcome: Outcome, facts: &Facts) -> Outcome {
        self.metrics.handled(outcome, facts.failure.as_ref());
        outcome
    }
}

fn silent(error: &StoreError) -> PauseReason {
    tracing::debug!(error = chain(error), "redis gave no answer");
    PauseReason::RedisSilent
}

fn log(outcome: Outcome, attempt: u32, facts: &Facts) {
    let id = facts.id.as_ref().map(tracing::field::display);
    let to = facts.to.as_ref().map(tracing::field::display);
    let failure = facts.failure.as_ref().map(tracing::field::display);
    match outcome {
        Outcome::Delivered => tracing::debug!(id, to, attempt, "mail delivered"),
        Outcome::Expired => tracing::info!(id, to, attempt, "mail expired, dropped"),
        Outcome::Retry(_) | Outcome::Pause(_) => {
            let reason = outcome.reason();
            tracing::info!(id, to, attempt, reason, failure, "mail not delivered, to be retried");
        }
        Outcome::Reject(reason) => {
            tracing::warn!(id, to, attempt, reason = reason.label(), failure, "mail cannot be delivered");
        }
    }
}

#[cfg(test)]
mod sealed_tests;
#[cfg(test)]
mod tests;
