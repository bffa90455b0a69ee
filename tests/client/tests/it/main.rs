//! A load against a user-service and a Mailpit that a test can make break their promises.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the servers end with their test, and a step that fails is its failure"
)]

mod fake;

use std::{sync::Arc, time::Duration};

use fake::{Fake, Fault};
use test_client::{
    call::Caller, context::LoadContext, findings::Findings, ledger::Ledger, load::run, plan::LoadPlan,
};
use tokio::time::{Instant, sleep};

/// Twenty sign-ins a second until there are thirty, and the ledger.
async fn ledger_of(fault: Fault) -> Ledger {
    let url = Fake::start(fault).await;
    let plan =
        LoadPlan { mailpit: url.clone(), refresh_seconds: 1, ..LoadPlan::new(&url, "load", 20).keeping(3) };
    let context = Arc::new(LoadContext::new(plan, Caller::new().expect("a client")));
    let load = tokio::spawn(run(context.clone()));
    let end = Instant::now() + Duration::from_mins(1);
    while context.summary().signed_in < 30 {
        assert!(Instant::now() < end, "waited in vain for thirty sign-ins: {:?}", context.summary());
        sleep(Duration::from_millis(50)).await;
    }
    context.stop();
    load.await.expect("the load ends");
    context.ledger().map(|ledger| (*ledger).clone()).expect("a ledger")
}

#[tokio::test]
async fn a_service_that_keeps_its_promises_leaves_a_clean_ledger() {
    let ledger = ledger_of(Fault::None).await;
    let findings = Findings::of(&ledger);
    assert!(findings.is_clean() && findings.copies == 0, "{findings}");
    assert!(ledger.sign_ins.len() >= 30 && ledger.mails.len() == ledger.sign_ins.len(), "{ledger:?}");
    assert_eq!((ledger.answers.without_response, ledger.answers.without_retry_after), (0, 0));
}

#[tokio::test]
async fn an_outage_is_waited_out_as_retry_after_says() {
    let ledger = ledger_of(Fault::FirstLoginsUnavailable).await;
    let findings = Findings::of(&ledger);
    assert!(findings.is_clean(), "{findings}");
    assert_eq!(ledger.answers.of("login", 503), 5);
    assert!(ledger.sign_ins.iter().any(|sign_in| sign_in.logins > 1), "no login was tried again");
}

#[tokio::test]
async fn a_code_that_works_twice_is_found() {
    let findings = Findings::of(&ledger_of(Fault::CodesWorkTwice).await);
    assert!(!findings.codes_used_twice.is_empty(), "{findings}");
}

#[tokio::test]
async fn a_session_that_ends_early_is_found() {
    let findings = Findings::of(&ledger_of(Fault::SessionsEnd).await);
    assert!(!findings.lost_sessions.is_empty(), "{findings}");
}

#[tokio::test]
async fn a_mail_that_comes_twice_is_counted_as_a_copy() {
    let findings = Findings::of(&ledger_of(Fault::MailsComeTwice).await);
    assert!(findings.is_clean() && findings.copies >= 30, "{findings}");
}
