//! Sign-ins at a steady rate while a case breaks something.

use std::time::Duration;

use serde_json::Value;
use test_client::{
    findings::Findings,
    ledger::{Ledger, Summary},
    plan::LoadPlan,
};

use crate::{
    case::Case,
    deadline,
    stack::Stack,
    wait::{attempt, eventually, seen},
};

/// A load with fewer logins than this shows nothing.
const FEWEST: u64 = 20;

/// A load that runs in the pod `client`.
pub struct Load<'a> {
    case: &'a Case,
    prefix: String,
}

impl Stack<'_> {
    /// Begins `per_second` sign-ins a second at this stack, as addresses `<prefix>-<number>@example.org`, and waits for the first.
    pub async fn start_load(&self, prefix: &str, per_second: u32) -> Load<'_> {
        self.case.start_load(LoadPlan::new(&self.url(), prefix, per_second)).await
    }
}

impl Case {
    /// Begins a load, and waits for its first session.
    pub async fn start_load(&self, plan: LoadPlan) -> Load<'_> {
        let started = self.ask_client::<Value>("POST", "loads", &plan).await;
        started.unwrap_or_else(|error| panic!("the load {} did not begin: {error}", plan.prefix));
        let load = Load { case: self, prefix: plan.prefix };
        eventually(format!("the first session of {}", load.prefix), deadline::MAIL, async || {
            let summary = load.look().await?;
            seen(summary.signed_in > 0, || format!("{summary:?}"))
        })
        .await;
        load
    }
}

impl Load<'_> {
    /// The figures so far.
    pub async fn summary(&self) -> Summary {
        self.try_summary().await.unwrap_or_else(|error| panic!("no figures of {}: {error}", self.prefix))
    }

    /// The same, for a case that has to undo something before it may fail.
    pub async fn try_summary(&self) -> Result<Summary, String> {
        self.case.read_client(&self.path("")).await
    }

    /// Waits until a hundred more sign-ins have gone through than now: the stack serves again.
    pub async fn wait_served(&self, deadline: Duration) {
        self.try_served(deadline).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// The same, for a case that has to undo something before it may fail.
    pub async fn try_served(&self, deadline: Duration) -> Result<(), String> {
        let before = self.try_summary().await?.signed_in;
        attempt(format!("100 more sign-ins of {}", self.prefix), deadline, async || {
            let summary = self.look().await?;
            seen(summary.signed_in >= before + 100, || format!("{summary:?}"))
        })
        .await
    }

    /// Stops it, waits until the last sign-in has ended and every session was tried, and reads the ledger.
    pub async fn finish(self) -> Ledger {
        let stopped = self.case.ask_client::<Value>("POST", &self.path("/stop"), &Value::Null).await;
        stopped.unwrap_or_else(|error| panic!("the load {} did not stop: {error}", self.prefix));
        eventually(format!("the load {} to end", self.prefix), deadline::LOAD_END, async || {
            let summary = self.look().await?;
            seen(summary.finished, || format!("{summary:?}"))
        })
        .await;
        let ledger = self.case.read_client(&self.path("/ledger")).await;
        let ledger: Ledger = ledger.unwrap_or_else(|error| panic!("no ledger of {}: {error}", self.prefix));
        self.case.step(&row(&ledger));
        ledger
    }

    /// One look at the figures, for a wait that repeats it.
    async fn look(&self) -> Result<Summary, String> {
        self.case.ask_client("GET", &self.path(""), &Value::Null).await
    }

    fn path(&self, what: &str) -> String {
        format!("loads/{}{what}", self.prefix)
    }
}

/// Panics with everything that was found, when a promise is broken.
pub fn assert_nothing_lost(ledger: &Ledger) {
    let findings = Findings::of(ledger);
    assert!(findings.is_clean(), "{findings}\n{}\n{:?}", row(ledger), ledger.answers);
}

/// Panics with examples, when a request had no HTTP response, a 503 had no `Retry-After`, or a login was answered other than 200 and 503.
pub fn assert_every_request_answered(ledger: &Ledger) {
    let answers = &ledger.answers;
    let others: Vec<u16> =
        answers.statuses.get("login").into_iter().flat_map(|by_status| by_status.keys().copied()).collect();
    let strange = others.iter().any(|status| ![0, 200, 503].contains(status));
    let bad = answers.without_response > 0 || answers.without_retry_after > 0 || strange;
    assert!(!bad, "not every request had an HTTP response with Retry-After on each 503: {answers:?}");
}

/// Panics with the statuses, when a login was answered other than 200, or there were too few of them to tell.
pub fn assert_no_login_refused(ledger: &Ledger) {
    let answers = &ledger.answers;
    let logins = answers.statuses.get("login").cloned().unwrap_or_default();
    assert!(logins.keys().all(|status| *status == 200), "a login was refused: {answers:?}");
    assert!(answers.of("login", 200) > FEWEST, "too few logins: {answers:?}");
}

/// A run in one line.
fn row(ledger: &Ledger) -> String {
    let confirmed: u32 = ledger.sign_ins.iter().map(|sign_in| sign_in.confirmed).sum();
    let answers = &ledger.answers;
    format!(
        "{} sign-ins, {confirmed} logins confirmed, {} mails, longest gap {:.1} s, {:?}",
        ledger.sign_ins.len(),
        ledger.mails.len(),
        Duration::from_millis(answers.longest_gap_ms).as_secs_f32(),
        answers.statuses,
    )
}
