use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use service_kit::{health::Health, shutdown::Shutdown};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{Backlog, BacklogSource, FOLLOWED, Sources, poll};
use crate::autoscaling::sample::{Samples, StackKey, Unreadable};

/// Answers what it is told to, or never.
struct Scripted(Option<Result<u64, Unreadable>>);

impl BacklogSource for Scripted {
    fn read(&self) -> BoxFuture<'_, Result<Backlog, Unreadable>> {
        Box::pin(async {
            match self.0.clone() {
                Some(answer) => answer.map(|messages| Backlog { messages, consumers: 1 }),
                None => std::future::pending().await,
            }
        })
    }

    fn interval(&self) -> Duration {
        FOLLOWED
    }
}

/// Tells when it is read.
struct Clocked(mpsc::UnboundedSender<tokio::time::Instant>);

impl BacklogSource for Clocked {
    fn read(&self) -> BoxFuture<'_, Result<Backlog, Unreadable>> {
        self.0.send(tokio::time::Instant::now()).unwrap();
        Box::pin(std::future::ready(Ok(Backlog { messages: 0, consumers: 1 })))
    }

    fn interval(&self) -> Duration {
        FOLLOWED
    }
}

struct Poller {
    sources: watch::Sender<Sources>,
    samples: Samples,
    health: Health,
    shutdown: Shutdown,
}

fn start() -> Poller {
    let (sources, receiver) = watch::channel(None);
    let samples = Samples::default();
    let health = Health::new();
    let shutdown = Shutdown::new();
    let check = health.require_always("mail-backlog");
    shutdown.spawn("poller", poll(receiver, samples.clone(), check, shutdown.clone()));
    Poller { sources, samples, health, shutdown }
}

impl Poller {
    fn set(&self, stacks: Vec<(&str, Option<Result<u64, Unreadable>>)>) {
        let source = |answer| Arc::new(Scripted(answer)) as Arc<dyn BacklogSource>;
        let stacks = stacks.into_iter().map(|(name, answer)| (StackKey::new("shop", name), source(answer)));
        self.sources.send_replace(Some(stacks.collect::<BTreeMap<_, _>>()));
    }

    fn messages(&self, name: &str) -> Result<u64, Unreadable> {
        self.samples.at(&StackKey::new("shop", name), Instant::now()).map(|sample| sample.messages)
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("not within 30 s: {what}"));
    }
}

#[tokio::test]
async fn no_stacks_is_ready_and_an_unknown_list_is_not() {
    let poller = start();
    poller
        .until("the check names the list", |poller| {
            poller.health.not_ready()
                == [("mail-backlog", "the list of stacks has not been read yet".to_owned())]
        })
        .await;
    poller.set(vec![]);
    poller.until("ready", |poller| poller.health.not_ready().is_empty()).await;
    poller.shutdown.trigger();
}

#[tokio::test]
async fn readiness_waits_for_the_first_try_at_every_stack_and_a_hanging_broker_holds_up_no_other() {
    let poller = start();
    poller.set(vec![("hanging", None), ("good", Some(Ok(7)))]);
    poller.until("the good one is read", |poller| poller.messages("good") == Ok(7)).await;
    assert_eq!(poller.messages("hanging"), Err(Unreadable::NotYet));
    assert_eq!(poller.health.not_ready().len(), 1);
    poller
        .until("the hanging one is given up", |poller| {
            poller.messages("hanging") == Err(Unreadable::Unreachable("no answer in 4 s".to_owned()))
        })
        .await;
    poller.until("ready", |poller| poller.health.not_ready().is_empty()).await;
    poller.shutdown.trigger();
}

#[tokio::test]
async fn a_changed_source_is_read_at_once_and_a_stack_that_is_gone_is_forgotten() {
    let poller = start();
    poller.set(vec![("demo", Some(Err(Unreadable::Refused)))]);
    poller.until("it is refused", |poller| poller.messages("demo") == Err(Unreadable::Refused)).await;
    poller.set(vec![("demo", Some(Ok(3)))]);
    poller.until("it is read", |poller| poller.messages("demo") == Ok(3)).await;
    poller.set(vec![]);
    poller.until("it is forgotten", |poller| poller.messages("demo") == Err(Unreadable::NotYet)).await;
    poller.shutdown.trigger();
}

#[tokio::test(start_paused = true)]
async fn stacks_whose_polls_begin_together_are_soon_polled_one_by_one_and_none_too_late() {
    const STACKS: usize = 20;
    let poller = start();
    let (sender, mut polls) = mpsc::unbounded_channel();
    let source = || Arc::new(Clocked(sender.clone())) as Arc<dyn BacklogSource>;
    let stacks = (0..STACKS).map(|n| (StackKey::new("shop", &n.to_string()), source()));
    poller.sources.send_replace(Some(stacks.collect::<BTreeMap<_, _>>()));
    let mut first = None;
    let mut moments = BTreeMap::<u128, usize>::new();
    while let Some(at) = polls.recv().await {
        let since = at - *first.get_or_insert(at);
        if since > FOLLOWED * 10 {
            break;
        }
        if since > FOLLOWED * 9 {
            *moments.entry(since.as_millis() / 100).or_default() += 1;
        }
    }
    let polls = moments.values().sum::<usize>();
    let together = moments.values().max();
    assert!(polls >= STACKS, "only {polls} polls within {FOLLOWED:?}");
    assert!(together.is_some_and(|together| together * 2 < STACKS), "{moments:?} in tenths of a second");
    poller.shutdown.trigger();
}
