//! Keeps one session alive: connects, watches, replaces.

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use lapin::Event;
use service_kit::{backoff::Backoff, shutdown::Shutdown, telemetry};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    cause::Cause,
    config::BrokerConfig,
    connection::{ConnectError, DEADLINE, at_limit},
    publisher::{PublisherOptions, Shared, State, session::Session},
};

/// How often the connection's own flags are read. A publish reads them itself.
const LOOK: Duration = Duration::from_millis(50);

/// How often an idle connection has to show that it works: lapin has been seen with one that was dead and silent.
const PROBE: Duration = Duration::from_secs(15);

/// A session that lived for less does not reset the backoff: a broker that accepts and drops must not be hammered.
const STABLE: Duration = Duration::from_secs(1);

pub(super) struct Stop {
    /// All publishers are gone.
    pub(super) dropped: CancellationToken,
    pub(super) shutdown: Shutdown,
}

impl Stop {
    async fn requested(&self) {
        tokio::select! { () = self.dropped.cancelled() => {}, () = self.shutdown.hard().cancelled() => {} }
    }
}

pub(super) struct Supervisor {
    pub(super) config: BrokerConfig,
    pub(super) options: PublisherOptions,
    pub(super) shared: Arc<Shared>,
    pub(super) stop: Stop,
}

/// Why a session is over.
enum End {
    Stop,
    Replace(&'static str),
}

impl Supervisor {
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
        let mut at_limit = at_limit();
        loop {
            let opened = tokio::select! {
                opened = Session::open(&self.config, &self.options) => opened,
                () = self.stop.requested() => break,
            };
            match opened {
                Ok(session) => {
                    at_limit.reset();
                    let since = Instant::now();
                    if let End::Stop = self.serve(Arc::new(session)).await {
                        break;
                    }
                    if since.elapsed() >= STABLE {
                        backoff.reset();
                        continue;
                    }
                }
                Err(error) => {
                    self.disconnected(&error);
                    if let ConnectError::ChannelLimit = error {
                        // Fewer may fit; what has once been too many stays so.
                        self.options.channels = (self.options.channels / 2).max(1);
                    }
                    if error.cause() == Cause::LimitReached {
                        if at_limit.wait(&self.stop.shutdown).await.is_err() {
                            break;
                        }
                        continue;
                    }
                }
            }
            if backoff.wait(&self.stop.shutdown).await.is_err() {
                break;
            }
        }
        self.enter(State::Disconnected(Cause::Unreachable));
    }

    /// Lets publishers use the session until it is over.
    async fn serve(&self, session: Arc<Session>) -> End {
        self.shared.session.store(Some(Arc::clone(&session)));
        self.enter(State::Connected);
        let end = self.watch(&session).await;
        self.shared.session.store(None);
        self.enter(State::Disconnected(Cause::Unreachable));
        if let End::Replace(reason) = end {
            tracing::warn!(connection = %self.config.connection_name, reason, "publisher connection is replaced");
        }
        let retire = session.retire(self.options.confirm_timeout + DEADLINE);
        match end {
            End::Stop => {
                tokio::select! { () = retire => {}, () = self.stop.shutdown.hard().cancelled() => {} }
            }
            End::Replace(_) => self.stop.shutdown.spawn("retired broker connection", retire),
        }
        end
    }

    async fn watch(&self, session: &Session) -> End {
        let mut events = std::pin::pin!(session.link.connection.events_listener());
        let mut look = interval(LOOK);
        let mut probe = interval(PROBE);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        probe.reset();
        loop {
            tokio::select! {
                () = self.stop.requested() => return End::Stop,
                () = session.broken.notified() => return End::Replace("a publish was not confirmed"),
                lost = session.channels.lost() => if session.open_channels(lost).await.is_err() {
                    return End::Replace("a channel could not be opened");
                },
                _ = probe.tick() => if !self.answers(session).await {
                    return End::Replace("no answer, or an exchange is gone");
                },
                _ = next_event(&mut events) => {},
                _ = look.tick() => {},
            }
            if !session.link.is_connected() {
                return End::Replace("connection lost");
            }
            if session.link.is_blocked() {
                return self.wait_for_the_alarms_end(session).await;
            }
        }
    }

    /// Refuses everything meanwhile. Nothing else can be done: lapin sends nothing to a broker that blocks.
    async fn wait_for_the_alarms_end(&self, session: &Session) -> End {
        session.channels.close();
        self.enter(State::Blocked);
        let mut look = interval(LOOK);
        loop {
            tokio::select! { () = self.stop.requested() => return End::Stop, _ = look.tick() => {} }
            if !session.link.is_connected() {
                return End::Replace("connection lost");
            }
            if !session.link.is_blocked() {
                return End::Replace("the broker's alarm is over");
            }
        }
    }

    async fn answers(&self, session: &Session) -> bool {
        let check = session.link.check(&self.options.exchanges, &self.options.queues);
        matches!(timeout(DEADLINE, check).await, Ok(Ok(())))
    }

    /// Whether the state was another one before.
    fn enter(&self, state: State) -> bool {
        let changed =
            self.shared.state.send_if_modified(|current| std::mem::replace(current, state) != state);
        if changed {
            tracing::info!(connection = %self.config.connection_name, ?state, "publisher state");
        }
        changed
    }

    /// Warns once for each cause: the next attempt follows within two seconds, or half a minute at a limit.
    fn disconnected(&self, error: &ConnectError) {
        let changed = self.enter(State::Disconnected(error.cause()));
        let connection = &self.config.connection_name;
        let error = telemetry::chain(error);
        if changed {
            tracing::warn!(%connection, %error, "publisher cannot connect, trying again");
        } else {
            tracing::debug!(%connection, %error, "publisher still cannot connect");
        }
    }
}

/// The next event; an ended stream is left to the flags.
async fn next_event(events: &mut (impl Stream<Item = Event> + Unpin)) -> Option<Event> {
    match events.next().await {
        Some(event) => Some(event),
        None => std::future::pending().await,
    }
}
