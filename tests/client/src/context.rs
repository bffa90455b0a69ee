//! What all sign-ins of a load share.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    call::{Answer, Call, Caller},
    inbox::Inbox,
    ledger::{Ledger, Summary},
    plan::LoadPlan,
};

mod record;

pub use record::Record;

/// What all sign-ins of a load share.
#[derive(Debug)]
pub struct LoadContext {
    /// What the load is to do.
    pub plan: LoadPlan,
    /// The mails so far.
    pub inbox: Inbox,
    caller: Caller,
    record: Mutex<Record>,
    stopped: AtomicBool,
    ledger: Mutex<Option<Arc<Ledger>>>,
}

impl LoadContext {
    /// Nothing has begun.
    #[must_use]
    pub fn new(plan: LoadPlan, caller: Caller) -> Self {
        let inbox = Inbox::new(plan.clone(), caller.clone());
        let record = Mutex::new(Record::new(Instant::now()));
        Self { plan, inbox, caller, record, stopped: AtomicBool::new(false), ledger: Mutex::default() }
    }

    /// A POST to user-service, counted.
    pub async fn call(&self, endpoint: &str, path: &str, body: Value) -> Answer {
        let call = Call { url: format!("{}{path}", self.plan.target), body: Some(body) };
        let answer = self.caller.send(&call).await;
        self.record().answers.count(endpoint, &answer);
        answer
    }

    /// The figures so far.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No sign-in begins after this.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The load has ended, and this is its ledger.
    pub fn finish(&self, ledger: Ledger) {
        *self.ledger.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(ledger));
    }

    /// The ledger, once the load has finished.
    #[must_use]
    pub fn ledger(&self) -> Option<Arc<Ledger>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The figures so far, as a case reads them.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let finished = self.ledger().is_some();
        self.record().summary(finished)
    }
}
