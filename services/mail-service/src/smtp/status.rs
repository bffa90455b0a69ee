//! Whether the mail server can be used, and who finds out: mails as they are sent, the probes of a paused consumer, and
//! tries of our own before the first mail.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use service_kit::{
    backoff::{Backoff, pause},
    health::{HealthCheck, Moment},
    shutdown::Shutdown,
};
use tokio::{sync::watch, time::Instant};

use super::{
    Mailer,
    classification::{Fault, Scope},
    failure::Failure,
    pool::Pool,
    sender_refusal::SenderReports,
    smtp_trouble::SmtpTrouble,
};
use crate::message::RenderedMail;

/// As many mails in a row must fail, without one that is delivered, before failures that do not pause the consumer
/// count: a server that hangs up once is not away.
const FAILURES_IN_A_ROW: u32 = 3;

/// The status. Clones share it.
#[derive(Debug, Clone)]
pub struct SmtpStatus {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    check: HealthCheck,
    last_delivery: Moment,
    usable: watch::Sender<bool>,
    failures: AtomicU32,
    sender_reports: SenderReports,
    last_try: Mutex<Option<Instant>>,
}

impl SmtpStatus {
    /// A mail server of which nothing is known yet.
    #[must_use]
    pub fn new(check: HealthCheck, last_delivery: Moment) -> Self {
        let shared = Shared {
            check,
            last_delivery,
            usable: watch::Sender::new(false),
            failures: AtomicU32::new(0),
            sender_reports: SenderReports::default(),
            last_try: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes note of what became of a mail.
    fn sent(&self, result: Result<(), Failure>) {
        let sender_refused = self.shared.sender_reports.note(result);
        let Err(failure) = result else {
            self.shared.last_delivery.mark();
            return self.set_usable();
        };
        match Fault::from(failure).scope() {
            Scope::All => self.set_unusable(failure),
            Scope::Unclear if sender_refused => self.set_unusable(failure),
            Scope::Unclear => {
                if self.shared.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_IN_A_ROW {
                    self.set_unusable(failure);
                }
            }
            Scope::One => {}
        }
    }

    /// Takes note of a session that was opened to find out.
    fn tried(&self, result: Result<(), Failure>) {
        *self.shared.last_try.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        match result {
            // No try goes further than MAIL, which was never refused.
            Ok(()) if self.only_a_mail_tells() => {}
            Ok(()) => self.set_usable(),
            Err(failure) => self.set_unusable(failure),
        }
    }

    /// Whether the sender was refused in answer to messages: a try would find nothing.
    fn only_a_mail_tells(&self) -> bool {
        self.shared.sender_reports.is_refused()
    }

    fn was_tried_within(&self, period: Duration) -> bool {
        let last = *self.shared.last_try.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < period)
    }

    fn set_usable(&self) {
        self.shared.failures.store(0, Ordering::Relaxed);
        // The check changes under the lock of the channel, so that the two never disagree.
        self.shared.usable.send_if_modified(|usable| {
            self.shared.check.set_usable();
            !std::mem::replace(usable, true)
        });
    }

    fn set_unusable(&self, failure: Failure) {
        let Some(trouble) = SmtpTrouble::of(failure) else { return };
        self.shared.usable.send_if_modified(|usable| {
            self.shared.check.set_unusable(trouble.reason(), trouble.message());
            std::mem::replace(usable, false)
        });
    }
}

/// A mailer whose results become the status.
pub struct Reported<M> {
    pub mailer: M,
    pub status: SmtpStatus,
}

impl<M: Mailer> Mailer for Reported<M> {
    async fn send(&self, mail: &RenderedMail, expires: Instant) -> Result<(), Failure> {
        let result = self.mailer.send(mail, expires).await;
        self.status.sent(result);
        result
    }

    async fn probe(&self, sender: &str) -> Result<(), Failure> {
        let result = self.mailer.probe(sender).await;
        self.status.tried(result);
        result
    }
}

/// Tries the mail server out, at once and then with growing pauses for as long as it cannot be used, until the soft
/// phase.
///
/// While it can be used, nothing is tried, however long no mail is sent: mail providers throttle or lock clients that
/// log in again and again without sending anything. The next mail finds out.
pub async fn watch(try_out: TryOut, mut backoff: Backoff, shutdown: Shutdown) {
    let TryOut { pool, sender, status } = try_out;
    let mut usable = status.shared.usable.subscribe();
    let soft = shutdown.soft().clone();
    let mut delay = Duration::ZERO;
    while pause(delay, &shutdown).await.is_ok() {
        // A paused consumer probes as well, and one of the two is enough.
        if !*usable.borrow() && !status.was_tried_within(delay) && !status.only_a_mail_tells() {
            tokio::select! {
                result = pool.try_out(&sender) => status.tried(result),
                () = soft.cancelled() => return,
            }
        }
        if *usable.borrow() {
            backoff.reset();
            tokio::select! {
                changed = usable.wait_for(|usable| !usable) => drop(changed),
                () = soft.cancelled() => return,
            }
        }
        delay = backoff.next_delay();
    }
}

pub struct TryOut {
    /// Opens the sessions.
    pub pool: Pool,
    /// The address that mails come from.
    pub sender: String,
    pub status: SmtpStatus,
}

#[cfg(test)]
mod tests;
