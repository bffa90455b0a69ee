//! The end of a load: what is proven when no sign-in begins any more.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::Done;
use crate::{
    context::LoadContext,
    findings::Findings,
    ledger::{CodeOutcome, Ledger, SessionOutcome, SignIn},
    session::Session,
    sign_in::is_good_again,
};

/// Requests at the same time.
const AT_ONCE: usize = 16;
/// A used code is tried again while it would still be valid.
const CODE_LIFE: Duration = Duration::from_mins(5);
/// So many of the newest codes are.
const CODES_TRIED_AGAIN: usize = 500;
/// Every confirmed mail is there by then, or never will be.
const MAIL_DEADLINE: Duration = Duration::from_secs(330);

/// A sign-in, and its session's outcome where the session was kept.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) done: Done,
    pub(super) outcome: Option<SessionOutcome>,
}

/// Refreshes a session until the load stops or the session is lost.
pub(super) async fn keep(context: &LoadContext, session: &mut Session) -> SessionOutcome {
    let period = Duration::from_secs(context.plan.refresh_seconds);
    loop {
        sleep(period).await;
        let outcome = session.refresh(context).await;
        let is_lost = matches!(outcome, SessionOutcome::Lost { .. });
        context.record().lost_sessions += u64::from(is_lost);
        if is_lost || context.is_stopped() {
            return outcome;
        }
    }
}

/// Refreshes every other session once, tries the newest codes again, and waits for the mails.
pub(super) async fn finish(context: &Arc<LoadContext>, ended: Vec<Ended>) -> Ledger {
    let first_code = ended.len().saturating_sub(CODES_TRIED_AGAIN);
    let mut running = JoinSet::new();
    let mut sign_ins = Vec::new();
    for (number, one) in ended.into_iter().enumerate() {
        if running.len() >= AT_ONCE {
            sign_ins.extend(running.join_next().await.and_then(Result::ok));
        }
        running.spawn(prove(context.clone(), one, number >= first_code));
    }
    while let Some(sign_in) = running.join_next().await {
        sign_ins.extend(sign_in.ok());
    }
    sign_ins.sort_by(|a, b| a.address.cmp(&b.address));
    let mut ledger = Ledger { sign_ins, ..Ledger::default() };
    read_mails(context, &mut ledger).await;
    ledger.answers = context.record().answers.clone();
    ledger
}

async fn prove(context: Arc<LoadContext>, ended: Ended, tries_code: bool) -> SignIn {
    let Ended { mut done, outcome } = ended;
    done.entry.session = match (outcome, &mut done.session) {
        (Some(outcome), _) => outcome,
        (None, Some(session)) => session.refresh(&context).await,
        (None, None) => SessionOutcome::None,
    };
    let is_young = done.at.elapsed() < CODE_LIFE;
    if tries_code
        && is_young
        && done.entry.code == CodeOutcome::Used
        && is_good_again(&context, &done.entry.address, &done.used_code).await
    {
        done.entry.code = CodeOutcome::UsedTwice;
    }
    done.entry
}

/// Until every confirmed login has its mail, or the deadline.
async fn read_mails(context: &LoadContext, ledger: &mut Ledger) {
    let end = Instant::now() + MAIL_DEADLINE;
    loop {
        let is_read = context.inbox.read_everything().await.is_ok();
        ledger.mails = context.inbox.mails();
        if (is_read && Findings::of(ledger).lost_mails.is_empty()) || Instant::now() > end {
            return;
        }
        sleep(Duration::from_secs(1)).await;
    }
}
