//! Logins at a steady rate, whatever becomes of them, and the account: confirmed against delivered.

use std::{
    collections::BTreeMap,
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ping_contract::keys::CODE_TTL_SECONDS;
use test_kit::{
    ids::{Ledger, LedgerReport},
    smtp::SmtpServer,
    wait::{wait_for, wait_until},
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{client::Client, platform::Platform};

/// Every confirmed mail is out by then, or never will be: a code's life, and some for a busy machine.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(CODE_TTL_SECONDS + 60);
/// Three times what the slowest recovery (of a broker that has to start again) takes.
const RECOVERY_DEADLINE: Duration = Duration::from_mins(1);

/// What addresses of an account begin with: a test may have logins beside it.
const PREFIX: &str = "load-";
/// A machine that cannot keep up slows the load down, instead of filling up with logins that wait.
const MAX_IN_FLIGHT: usize = 4096;
/// How long logins run before a fault begins.
const BEFORE: Duration = Duration::from_secs(3);

/// What a run under load showed; prints as a row of the fault table.
#[derive(Debug)]
pub struct Run {
    /// The fault, in a few words.
    pub fault: &'static str,
    /// Confirmed against delivered.
    pub report: LedgerReport,
    /// How often each status was answered; 0 is a failed connection.
    pub statuses: BTreeMap<u16, u64>,
    /// From the end of the fault to the next login that was answered 200.
    pub recovery: Option<Duration>,
    /// The longest that an answer took.
    pub slowest: Duration,
}

impl Run {
    /// Holds the promises: nothing lost, nothing invented, at most `doubles` mails more than once, and back by itself.
    ///
    /// # Panics
    /// With the row and the report, when one is broken.
    pub fn assert_promises(&self, doubles: usize) {
        assert!(self.recovery.is_some(), "no login was answered 200 after the fault: {self}");
        assert_only_refused(&self.statuses);
        self.report.assert_complete(doubles);
    }
}

/// # Panics
/// When something other than 200 and 503 was answered.
fn assert_only_refused(statuses: &BTreeMap<u16, u64>) {
    let others = statuses.keys().any(|status| ![0, 200, 503].contains(status));
    assert!(!others, "something other than 200 and 503 was answered: {statuses:?}");
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LedgerReport { confirmed, delivered, lost, .. } = &self.report;
        let doubled = self.report.extra_deliveries();
        let lost = lost.len();
        let recovery = self.recovery.unwrap_or_default().as_secs_f32();
        let slowest = self.slowest.as_secs_f32();
        let Self { fault, statuses, .. } = self;
        write!(
            f,
            "| {fault} | {confirmed} | {delivered} | {doubled} | {lost} | {recovery:.1} s | {slowest:.1} s | {statuses:?} |"
        )
    }
}

/// Runs `per_second` logins, after three seconds the fault, and goes on for `after` when the fault is over; then waits for the
/// mails of all that were confirmed. Fault and recovery are the closure's: it returns when the fault is over.
pub async fn under_load<F>(
    platform: &mut Platform,
    fault: &'static str,
    per_second: u32,
    after: Duration,
    play: F,
) -> Run
where
    F: AsyncFnOnce(&mut Platform),
{
    let account = Account::new();
    let client = platform.client.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let load = account.run_until(&client, per_second, async { drop(stopped.await) });
    let played = async {
        tokio::time::sleep_until(Instant::now() + BEFORE).await;
        play(platform).await;
        let over = Instant::now();
        account.recovered(over).await;
        tokio::time::sleep_until(Instant::now() + after).await;
        let _ = stop.send(());
        over
    };
    let ((), over) = tokio::join!(load, played);
    let report = account.settle(&platform.smtp).await;
    let recovery = account.recovery_since(over);
    Run { fault, report, statuses: account.statuses(), recovery, slowest: account.slowest() }
}

/// Whose mails are in the inbox though their sender never got an answer.
fn unanswered(smtp: &SmtpServer) -> Vec<String> {
    let recipients = smtp.delivered().into_iter().flat_map(|message| message.recipients);
    recipients.filter(|recipient| recipient.starts_with(PREFIX)).collect()
}

/// What became of the logins so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Account {
    entries: Arc<Mutex<Entries>>,
    next: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Entries {
    ledger: Ledger,
    statuses: BTreeMap<u16, u64>,
    first_success_after: Option<Instant>,
    slowest: Duration,
}

impl Account {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One login of an address that no other login has; answers its status, 0 for a failed connection.
    pub async fn login(&self, client: &Client) -> u16 {
        let address = format!("{PREFIX}{:06}@example.org", self.next.fetch_add(1, Ordering::Relaxed));
        self.entries().ledger.attempt(&address);
        let began = Instant::now();
        let status = client.login(&address).await.map_or(0, |answer| answer.status);
        let mut entries = self.entries();
        entries.slowest = entries.slowest.max(began.elapsed());
        *entries.statuses.entry(status).or_default() += 1;
        if status == 200 {
            entries.ledger.confirm(&address);
            entries.first_success_after.get_or_insert_with(Instant::now);
        }
        status
    }

    /// `per_second` logins until `end`, each on its own, none waiting for another.
    pub async fn run_until(&self, client: &Client, per_second: u32, end: impl Future<Output = ()>) {
        let mut ticks = interval(Duration::from_secs(1) / per_second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut logins = JoinSet::new();
        let mut end = pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => break,
                _ = ticks.tick() => {}
            }
            let account = self.clone();
            let client = client.clone();
            logins.spawn(async move { account.login(&client).await });
            while logins.try_join_next().is_some() {}
            if logins.len() >= MAX_IN_FLIGHT {
                logins.join_next().await;
            }
        }
        while logins.join_next().await.is_some() {}
    }

    /// Waits for the next login that is answered 200, and says how long after `fault_end` it came.
    ///
    /// # Panics
    /// When none is within a minute.
    pub async fn recovered(&self, fault_end: Instant) -> Duration {
        self.entries().first_success_after = None;
        wait_for("a login to be answered 200 after the fault", RECOVERY_DEADLINE, || async {
            self.recovery_since(fault_end)
        })
        .await
    }

    /// How long after `moment` the first success came since [`Account::recovered`] was called; `None` if none did.
    #[must_use]
    pub fn recovery_since(&self, moment: Instant) -> Option<Duration> {
        self.entries().first_success_after.map(|success| success.saturating_duration_since(moment))
    }

    /// How often each status was answered; 0 is a failed connection.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        self.entries().statuses.clone()
    }

    /// # Panics
    /// When something other than 200 and 503 was answered.
    pub fn assert_only_refused(&self) {
        assert_only_refused(&self.entries().statuses);
    }

    /// The longest that an answer took.
    #[must_use]
    pub fn slowest(&self) -> Duration {
        self.entries().slowest
    }

    /// Waits until every login answered 200 has arrived at `smtp`, and compares the sets of addresses.
    ///
    /// # Panics
    /// With the report, when one has not after a code's life.
    pub async fn settle(&self, smtp: &SmtpServer) -> LedgerReport {
        wait_until("every confirmed login's mail to arrive", DELIVERY_DEADLINE, || async {
            self.is_settled(smtp)
        })
        .await;
        self.report(smtp)
    }

    /// Takes the mails of this account that `smtp` has accepted so far out of its record: a long run would fill the memory.
    pub fn collect(&self, smtp: &SmtpServer) {
        let taken = smtp.take_accepted(|message| message.recipients.iter().all(|to| to.starts_with(PREFIX)));
        let mut entries = self.entries();
        for recipient in taken.iter().flat_map(|message| &message.recipients) {
            entries.ledger.deliver(recipient);
        }
    }

    /// Compares what was confirmed so far with what `smtp` has taken so far.
    #[must_use]
    pub fn report(&self, smtp: &SmtpServer) -> LedgerReport {
        self.collect(smtp);
        let mut ledger = self.entries().ledger.clone();
        for recipient in unanswered(smtp) {
            ledger.deliver(recipient);
        }
        ledger.report()
    }

    fn is_settled(&self, smtp: &SmtpServer) -> bool {
        self.collect(smtp);
        let unanswered = unanswered(smtp);
        self.entries().ledger.missing().all(|id| unanswered.contains(id))
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
