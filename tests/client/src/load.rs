//! Sign-ins at a steady rate, whatever becomes of them.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    call::Answer,
    context::LoadContext,
    sign_in::{Done, sign_in},
};

mod finish;

/// How often the inbox is read.
const INBOX_PERIOD: Duration = Duration::from_millis(300);
/// A cluster that cannot keep up slows the load down, instead of filling its pod's memory.
const MAX_IN_PROGRESS: usize = 4096;

/// Runs a load until it is stopped and its last sign-in has ended; then proves all sessions and completes the ledger.
pub async fn run(context: Arc<LoadContext>) {
    let mut reader = JoinSet::new();
    reader.spawn(read_inbox(context.clone()));
    let done = sign_ins(&context).await;
    let ledger = finish::finish(&context, done).await;
    context.finish(ledger);
}

/// A Mailpit that does not answer is asked again: its mails are read when it does.
async fn read_inbox(context: Arc<LoadContext>) {
    loop {
        if let Err(error) = context.inbox.refresh().await {
            context.record().answers.count("mailpit", &Answer { detail: error, ..Answer::default() });
        }
        sleep(INBOX_PERIOD).await;
    }
}

/// The sign-ins in the order in which they began.
async fn sign_ins(context: &Arc<LoadContext>) -> Vec<finish::Ended> {
    let mut ticks = interval(Duration::from_secs(1) / context.plan.per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut running = JoinSet::new();
    let mut ended = Vec::new();
    for number in 0.. {
        ticks.tick().await;
        if context.is_stopped() {
            break;
        }
        context.record().begin();
        running.spawn(user(context.clone(), number));
        while let Some(user) = running.try_join_next() {
            ended.extend(user.ok());
        }
        if running.len() >= MAX_IN_PROGRESS {
            ended.extend(running.join_next().await.and_then(Result::ok));
        }
    }
    while let Some(user) = running.join_next().await {
        ended.extend(user.ok());
    }
    ended.sort_by(|a, b| a.done.entry.address.cmp(&b.done.entry.address));
    ended
}

/// A sign-in, and for the first ones refreshes of its session until the load stops.
async fn user(context: Arc<LoadContext>, number: u64) -> finish::Ended {
    let mut done = sign_in(&context, number).await;
    context.record().end();
    let is_kept = usize::try_from(number).is_ok_and(|number| number < context.plan.kept_sessions);
    if is_kept && let Some(session) = &mut done.session {
        context.record().kept_sessions += 1;
        let outcome = finish::keep(&context, session).await;
        return finish::Ended { done, outcome: Some(outcome) };
    }
    finish::Ended { done, outcome: None }
}
