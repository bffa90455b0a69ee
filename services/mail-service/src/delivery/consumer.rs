//! Takes messages, has them handled, and acts on the outcomes. No word of SMTP, Redis or AMQP here.
//!
//! As many messages are in work as the prefetch allows, each in a task of its own that also settles it: a slow mail
//! server or a slow ack holds up nobody else. When something fails that is not a message's fault, nothing more is
//! taken until a probe says that it works again; the queue keeps the rest.

use std::sync::Arc;

use service_kit::{backoff::Backoff, shutdown::Shutdown};
use tokio::task::{JoinError, JoinSet};

use super::{
    handler::{Facts, Handler},
    metrics::MailMetrics,
    outcome::Outcome,
    retry::PauseReason,
    sent::SentLog,
    settle::{Ended, Settler},
    spans::DeliverySpan,
};
use crate::{
    queue::{Incoming, Outbox, Source},
    smtp::Mailer,
};

#[derive(Debug, Clone)]
pub struct Settings {
    /// The highest number of messages in flight.
    pub concurrency: usize,
    /// The time between two probes of a paused consumer.
    pub probing: Backoff,
}

pub struct Consumer<Q, S, M, O> {
    source: Q,
    handler: Arc<Handler<S, M>>,
    settler: Arc<Settler<O>>,
    concurrency: usize,
    backoff: Backoff,
    metrics: MailMetrics,
    shutdown: Shutdown,
}

impl<Q, S, M, O> Consumer<Q, S, M, O>
where
    Q: Source,
    S: SentLog,
    M: Mailer,
    O: Outbox,
{
    /// A consumer of `source`; [`Consumer::run`] starts it.
    pub fn new(source: Q, handler: Handler<S, M>, settler: Settler<O>, settings: Settings) -> Self {
        Self {
            metrics: handler.metrics.clone(),
            shutdown: settler.shutdown.clone(),
            source,
            handler: Arc::new(handler),
            settler: Arc::new(settler),
            concurrency: settings.concurrency,
            backoff: settings.probing,
        }
    }

    /// Runs until the soft phase, then finishes what is in work; the hard phase cuts that off.
    pub async fn run(mut self) {
        let mut tasks = JoinSet::new();
        let soft = self.shutdown.soft().clone();
        loop {
            self.metrics.in_flight(tasks.len());
            tokio::select! {
                biased;
                () = soft.cancelled() => break,
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Some((reason, item)) = self.ended(ended) {
                        self.pause(reason, item, &mut tasks).await;
                    }
                }
                item = self.source.next(), if tasks.len() < self.concurrency => match item {
                    Some(item) => self.start(item, &mut tasks),
                    None => break,
                },
            }
        }
        self.drain(tasks).await;
    }

    fn start(&self, item: Q::Item, tasks: &mut JoinSet<Ended<Q::Item>>) {
        let handler = self.handler.clone();
        let settler = self.settler.clone();
        let span = DeliverySpan::new(&item.received());
        let recorder = span.clone();
        let delivery = async move {
            let (outcome, facts) = handler.handle(&item.received()).await;
            recorder.record(outcome, &facts);
            settler.settle(item, outcome, &facts).await
        };
        tasks.spawn(span.cover(delivery));
    }

    /// The trouble that a task ran into, with the message that is to go back. A task that panicked has dropped its
    /// message, which gives it back too.
    fn ended(&mut self, ended: Result<Ended<Q::Item>, JoinError>) -> Option<(PauseReason, Q::Item)> {
        match ended {
            Ok(Ended::Delivered) => self.backoff.reset(),
            Ok(Ended::Trouble(reason, item)) => return Some((reason, item)),
            Err(error) if error.is_panic() => tracing::error!("handling a message panicked, it goes back"),
            Ok(Ended::Settled) | Err(_) => {}
        }
        None
    }

    /// Stops taking messages before the first one goes back: it would come again at once.
    async fn pause(&mut self, reason: PauseReason, item: Q::Item, tasks: &mut JoinSet<Ended<Q::Item>>) {
        self.source.pause(reason.label()).await;
        self.metrics.pause(reason, true);
        tracing::error!(reason = reason.label(), "not consuming: {}", reason.advice());
        let mut paused = Paused {
            handler: self.handler.clone(),
            reason,
            backoff: self.backoff.clone(),
            shutdown: self.shutdown.clone(),
        };
        let held = if reason.only_a_mail_tells() {
            Some(item)
        } else {
            item.requeue().await;
            None
        };
        let works = self.wait_until_it_works(&mut paused, held, tasks).await;
        self.backoff = paused.backoff;
        let Some(works) = works else { return self.metrics.pause(paused.reason, false) };
        if let Some((item, outcome, facts)) = works {
            let ended = self.settler.settle(item, outcome, &facts).await;
            if let Some((_, item)) = self.ended(Ok(ended)) {
                item.requeue().await;
            }
        }
        tracing::info!("consuming again");
        self.source.resume().await;
    }

    /// Meanwhile all that was in work ends, and what still comes goes back. `None`: the process shuts down.
    async fn wait_until_it_works(
        &mut self,
        paused: &mut Paused<S, M>,
        held: Option<Q::Item>,
        tasks: &mut JoinSet<Ended<Q::Item>>,
    ) -> Option<Option<Tried<Q::Item>>> {
        let hard = self.shutdown.hard().clone();
        let holds = held.is_some();
        let works = paused.until_it_works(held);
        tokio::pin!(works);
        let mut ends = false;
        loop {
            tokio::select! {
                works = &mut works => return works,
                () = hard.cancelled() => return None,
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Some((_, item)) = self.ended(ended) {
                        item.requeue().await;
                    }
                }
                item = self.source.next(), if !ends => match item {
                    Some(item) => item.requeue().await,
                    // A mail that is being tried is not cut off.
                    None if holds => ends = true,
                    None => return None,
                },
            }
            self.metrics.in_flight(tasks.len());
        }
    }

    async fn drain(self, mut tasks: JoinSet<Ended<Q::Item>>) {
        let Self { source, settler, metrics, .. } = self;
        // What was received and not begun goes back with it.
        drop(source);
        tracing::info!(in_flight = tasks.len(), "no longer consuming, finishing what is in work");
        let cut_off = settler.shutdown.hard().cancelled();
        tokio::pin!(cut_off);
        loop {
            metrics.in_flight(tasks.len());
            tokio::select! {
                biased;
                () = &mut cut_off => return tasks.shutdown().await,
                ended = tasks.join_next() => match ended {
                    Some(Ok(Ended::Trouble(_, item))) => item.requeue().await,
                    Some(_) => {}
                    None => return,
                },
            }
        }
    }
}

/// A mail that was tried during a pause, what became of it, and what is known of it.
type Tried<I> = (I, Outcome, Facts);

/// A pause of consuming.
struct Paused<S, M> {
    handler: Arc<Handler<S, M>>,
    /// Why it lasts.
    reason: PauseReason,
    backoff: Backoff,
    shutdown: Shutdown,
}

impl<S: SentLog, M: Mailer> Paused<S, M> {
    /// Probes until the trouble is over: with the mail that met it where only a mail tells. That one is returned, to be
    /// settled. `None`: the process shuts down.
    async fn until_it_works<I: Incoming>(&mut self, held: Option<I>) -> Option<Option<Tried<I>>> {
        while self.backoff.wait(&self.shutdown).await.is_ok() {
            let now = match &held {
                None => self.handler.probe(self.reason).await.err(),
                Some(item) => match self.try_again(item).await {
                    (Outcome::Pause(reason), _) => Some(reason),
                    (outcome, facts) => return Some(held.map(|item| (item, outcome, facts))),
                },
            };
            let Some(now) = now else {
                self.handler.metrics.pause(self.reason, false);
                return Some(None);
            };
            self.goes_on(now);
        }
        None
    }

    async fn try_again<I: Incoming>(&self, item: &I) -> (Outcome, Facts) {
        let span = DeliverySpan::new(&item.received());
        let recorder = span.clone();
        let (outcome, facts) = span.cover(async { self.handler.handle(&item.received()).await }).await;
        recorder.record(outcome, &facts);
        if !matches!(outcome, Outcome::Pause(_)) {
            self.handler.metrics.pause(self.reason, false);
        }
        (outcome, facts)
    }

    fn goes_on(&mut self, now: PauseReason) {
        if now != self.reason {
            tracing::error!(reason = now.label(), "still not consuming: {}", now.advice());
            self.handler.metrics.pause(self.reason, false);
            self.handler.metrics.pause(now, true);
            self.reason = now;
        }
    }
}

#[cfg(test)]
mod tests;
