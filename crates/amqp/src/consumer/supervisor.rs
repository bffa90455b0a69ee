//! Keeps one subscription alive: connects, subscribes, hands on, pauses, replaces.

use std::time::Duration;

use futures::StreamExt as _;
use service_kit::{backoff::Backoff, shutdown::Shutdown, telemetry};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    cause::Cause,
    config::BrokerConfig,
    connection::{ConnectError, at_limit},
    consumer::{ConsumerOptions, ConsumerState, Delivery, session::Session},
};

/// How often the connection's own flags are read; an ended subscription is seen at once.
const LOOK: Duration = Duration::from_millis(100);

/// How often an idle connection has to show that it works.
const PROBE: Duration = Duration::from_secs(15);

/// A connection that lived for less does not reset the backoff.
const STABLE: Duration = Duration::from_secs(1);

pub(super) struct Supervisor {
    pub(super) config: BrokerConfig,
    pub(super) options: ConsumerOptions,
    pub(super) shutdown: Shutdown,
    pub(super) deliveries: mpsc::Sender<Delivery>,
    pub(super) paused: watch::Receiver<Option<String>>,
    pub(super) state: watch::Sender<ConsumerState>,
}

/// Why a subscription, or a wait for one, is over.
enum End {
    /// The process shuts down, or the [`crate::Consumer`] is gone.
    Stop,
    /// The connection cannot be used any more.
    Reconnect,
    /// It was asked to pause, or to go on.
    PauseChanged,
    /// The broker ended it, most often because the queue was deleted, or refused it.
    Ended(Cause),
}

impl Supervisor {
    pub(super) async fn run(mut self) {
        let mut backoff = backoff();
        let mut at_limit = at_limit();
        while !self.is_over() {
            let opened = tokio::select! {
                opened = Session::open(&self.config, &self.options) => opened,
                () = over(&self.shutdown, &self.deliveries) => break,
            };
            match opened {
                Ok(session) => {
                    at_limit.reset();
                    let since = Instant::now();
                    self.serve(session).await;
                    if since.elapsed() >= STABLE {
                        backoff.reset();
                        continue;
                    }
                }
                Err(error) => {
                    self.disconnected(&error);
                    if error.cause() == Cause::LimitReached {
                        if at_limit.wait(&self.shutdown).await.is_err() {
                            break;
                        }
                        continue;
                    }
                }
            }
            if backoff.wait(&self.shutdown).await.is_err() {
                break;
            }
        }
        self.enter(ConsumerState::Disconnected(Cause::Unreachable));
    }

    /// Uses the connection until it has to be replaced, or until the end.
    async fn serve(&mut self, session: Session) {
        let mut backoff = backoff();
        let cause = loop {
            let end = if self.paused.borrow_and_update().is_some() {
                self.enter(ConsumerState::Paused);
                self.stay_paused(&session).await
            } else {
                self.consume(&session).await
            };
            match end {
                End::PauseChanged => backoff.reset(),
                // The queue may come back: whoever owns the topology makes it again.
                End::Ended(cause) if session.is_usable() => {
                    self.enter(ConsumerState::Disconnected(cause));
                    if backoff.wait(&self.shutdown).await.is_err() {
                        return self.finish(session).await;
                    }
                }
                End::Stop => return self.finish(session).await,
                End::Ended(cause) => break cause,
                End::Reconnect => break Cause::Unreachable,
            }
        };
        self.enter(ConsumerState::Disconnected(cause));
        tracing::warn!(connection = %self.config.connection_name, "consumer connection is replaced");
        session.link.close().await;
    }

    /// One subscription, from its start to its end.
    async fn consume(&mut self, session: &Session) -> End {
        let mut consumer = match session.subscribe(&self.options.queue).await {
            Ok(consumer) => consumer,
            Err(error) => {
                self.disconnected(&error);
                return End::Ended(error.cause());
            }
        };
        self.enter(ConsumerState::Consuming);
        let mut look = interval(LOOK);
        let mut probe = interval(PROBE);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        probe.reset();
        let end = loop {
            tokio::select! {
                biased;
                () = over(&self.shutdown, &self.deliveries) => break End::Stop,
                _ = self.paused.changed() => break End::PauseChanged,
                delivery = consumer.next() => match delivery {
                    Some(Ok(delivery)) => if let Some(end) = self.hand_on(session.delivery(delivery)).await {
                        break end;
                    },
                    Some(Err(_)) => return End::Ended(Cause::Unreachable),
                    // The broker cancels the subscriptions of a queue that is deleted.
                    None if session.is_usable() => return End::Ended(Cause::Missing),
                    None => return End::Reconnect,
                },
                _ = probe.tick() => if !session.answers().await { return End::Reconnect },
                _ = look.tick() => if !session.is_usable() { return End::Reconnect },
            }
        };
        if session.unsubscribe(consumer).await { end } else { End::Reconnect }
    }

    /// There is room for as many as the prefetch lets through, but for what an old connection left there.
    async fn hand_on(&self, delivery: Delivery) -> Option<End> {
        tokio::select! {
            sent = self.deliveries.send(delivery) => sent.err().map(|_| End::Stop),
            () = over(&self.shutdown, &self.deliveries) => Some(End::Stop),
        }
    }

    /// Only keeps the connection, so that what is in hand can be settled.
    async fn stay_paused(&mut self, session: &Session) -> End {
        let mut look = interval(LOOK);
        loop {
            tokio::select! {
                biased;
                () = over(&self.shutdown, &self.deliveries) => return End::Stop,
                _ = self.paused.changed() => return End::PauseChanged,
                _ = look.tick() => if !session.is_usable() { return End::Reconnect },
            }
        }
    }

    /// Leaves the connection open for what is still in hand, then closes it.
    async fn finish(&self, session: Session) {
        tokio::select! { () = session.all_settled() => {}, () = self.shutdown.hard().cancelled() => {} }
        session.link.close().await;
    }

    fn is_over(&self) -> bool {
        self.shutdown.is_triggered() || self.deliveries.is_closed()
    }

    /// Whether the state was another one before.
    fn enter(&self, state: ConsumerState) -> bool {
        let changed = self.state.send_if_modified(|current| std::mem::replace(current, state) != state);
        if changed {
            let reason = self.paused.borrow().clone();
            tracing::info!(connection = %self.config.connection_name, ?state, reason, "consumer state");
        }
        changed
    }

    /// Warns once for each cause: the next attempt follows within two seconds.
    fn disconnected(&self, error: &ConnectError) {
        let changed = self.enter(ConsumerState::Disconnected(error.cause()));
        let connection = &self.config.connection_name;
        let error = telemetry::chain(error);
        if changed {
            tracing::warn!(%connection, %error, "consumer cannot consume, trying again");
        } else {
            tracing::debug!(%connection, %error, "consumer still cannot consume");
        }
    }
}

/// The process shuts down, or nobody receives any more.
async fn over(shutdown: &Shutdown, deliveries: &mpsc::Sender<Delivery>) {
    tokio::select! { () = shutdown.soft().cancelled() => {}, () = deliveries.closed() => {} }
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(200), Duration::from_secs(2))
}
