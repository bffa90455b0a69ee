//! Takes messages, has them handled, and acts on the outcomes. No word of SMTP, Redis or AMQP here.
//!
//! As many messages are in work as the prefetch allows, each in a task of its own that also settles it: a slow mail
//! server or a slow ack holds up nobody else. When something fails that is not a message's fault, nothing more is
//! taken until a probe says that it works again; the queue keeps the rest.

use std::sync::Arc;

use service_kit::{backoff::Backoff, shutdown::Shutdown};
use tokio::task::{JoinError, JoinSet};

use super::{
    handler::Handler,
    metrics::MailMetrics,
    retry::PauseReason,
    sent::SentLog,
    settle::{Ended, Settler},
};
use crate::{
    queue::{Incoming, Outbox, Source},
    smtp::Mailer,
};

/// How the consumer works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The highest number of messages in flight.
    pub concurrency: usize,
    /// The time between two probes of a paused consumer.
    pub probing: Backoff,
}

/// The consumer.
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
        tasks.spawn(async move {
            let (outcome, facts) = handler.handle(&item.received()).await;
            settler.settle(item, outcome, &facts).await
        });
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
        item.requeue().await;
        let handler = self.handler.clone();
        let shutdown = self.shutdown.clone();
        let mut backoff = self.backoff.clone();
        let over = {
            let over = probe_until_over(&handler, reason, &mut backoff, &shutdown);
            tokio::pin!(over);
            loop {
                tokio::select! {
                    over = &mut over => break over,
                    Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                        if let Some((_, item)) = self.ended(ended) {
                            item.requeue().await;
                        }
                    }
                    item = self.source.next() => match item {
                        Some(item) => item.requeue().await,
                        None => break false,
                    },
                }
                self.metrics.in_flight(tasks.len());
            }
        };
        self.backoff = backoff;
        if over {
            tracing::info!("consuming again");
            self.source.resume().await;
        } else {
            self.metrics.pause(reason, false);
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

/// Whether the trouble is over; no = the process shuts down.
async fn probe_until_over<S: SentLog, M: Mailer>(
    handler: &Handler<S, M>,
    mut reason: PauseReason,
    backoff: &mut Backoff,
    shutdown: &Shutdown,
) -> bool {
    let metrics = &handler.metrics;
    while backoff.wait(shutdown).await.is_ok() {
        match handler.probe(reason).await {
            Ok(()) => {
                metrics.pause(reason, false);
                return true;
            }
            Err(now) => {
                if now != reason {
                    tracing::error!(reason = now.label(), "still not consuming: {}", now.advice());
                    metrics.pause(reason, false);
                    metrics.pause(now, true);
                    reason = now;
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests;
