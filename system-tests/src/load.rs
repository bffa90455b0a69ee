//! Logins at a steady rate, whatever becomes of them, and the account: confirmed against delivered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ping_contract::keys::CODE_TTL_SECONDS;
use test_kit::{
    ids::{Ledger, Report},
    smtp::SmtpServer,
    wait::wait_until,
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::client::Client;

/// Every confirmed mail is out by then, or never will be: a code's life, and some for a busy machine.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(CODE_TTL_SECONDS + 60);

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
    last_refusal: Option<Instant>,
    first_success_after: Option<Instant>,
    confirmed: Vec<(Instant, String)>,
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
        let address = format!("load-{:06}@example.org", self.next.fetch_add(1, Ordering::Relaxed));
        self.entries().ledger.attempt(&address);
        let began = Instant::now();
        let status = client.login(&address).await.map_or(0, |answer| answer.status);
        let mut entries = self.entries();
        entries.slowest = entries.slowest.max(began.elapsed());
        *entries.statuses.entry(status).or_default() += 1;
        if status == 200 {
            entries.ledger.confirm(&address);
            entries.confirmed.push((Instant::now(), address));
            entries.first_success_after.get_or_insert_with(Instant::now);
        } else {
            entries.last_refusal = Some(Instant::now());
        }
        status
    }

    /// `per_second` logins for as long as `duration`, each on its own, none waiting for another.
    pub async fn run(&self, client: &Client, per_second: u32, duration: Duration) {
        let mut ticks = interval(Duration::from_secs(1) / per_second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let end = Instant::now() + duration;
        let mut logins = JoinSet::new();
        while Instant::now() < end {
            ticks.tick().await;
            let (account, client) = (self.clone(), client.clone());
            logins.spawn(async move { account.login(&client).await });
            while logins.try_join_next().is_some() {}
        }
        while logins.join_next().await.is_some() {}
    }

    /// From now on, the next success is the recovery that [`Account::recovery_since`] measures.
    pub fn expect_recovery(&self) {
        self.entries().first_success_after = None;
    }

    /// How long after `moment` the first success came since [`Account::expect_recovery`]; `None` if none did.
    #[must_use]
    pub fn recovery_since(&self, moment: Instant) -> Option<Duration> {
        self.entries().first_success_after.map(|success| success.saturating_duration_since(moment))
    }

    /// How often each status was answered; 0 is a failed connection.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        self.entries().statuses.clone()
    }

    /// How many logins were answered 200.
    #[must_use]
    pub fn confirmed(&self) -> u64 {
        self.entries().statuses.get(&200).copied().unwrap_or(0)
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
    pub async fn settle(&self, smtp: &SmtpServer) -> Report {
        wait_until("every confirmed login's mail to arrive", DELIVERY_DEADLINE, || async {
            self.report(smtp).lost.is_empty()
        })
        .await;
        self.report(smtp)
    }

    /// Compares what was confirmed so far with what `smtp` has taken so far.
    #[must_use]
    pub fn report(&self, smtp: &SmtpServer) -> Report {
        let mut ledger = self.entries().ledger.clone();
        for recipient in smtp.delivered().iter().flat_map(|message| &message.recipients) {
            ledger.deliver(recipient);
        }
        ledger.report()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
