//! The sessions that are kept open, and who may use one.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    connection::{Connection, Relay},
    failure::Failure,
    phase::{Phase, Window},
};
use crate::message::RenderedMail;

/// How much one session is used.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Sessions at the same time, busy and idle.
    pub sessions: usize,
    /// Mails over one session.
    pub mails: u32,
    /// How long one session lives.
    pub life: Duration,
    /// How long one session waits for a mail. Servers hang up after some minutes.
    pub idle: Duration,
}

/// The sessions. Clones share them.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    relay: Relay,
    limits: PoolLimits,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
    busy: AtomicUsize,
}

/// Counts a session as busy while it delivers, also when the task that uses it is dropped.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// An empty pool: the first mail opens the first session.
    #[must_use]
    pub fn new(relay: Relay, limits: PoolLimits) -> Self {
        let permits = Semaphore::new(limits.sessions);
        let shared = Shared { relay, limits, permits, idle: Mutex::default(), busy: AtomicUsize::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// Hands one mail over, until `expires` at most. `Ok` = the server answered 250 to the final dot.
    ///
    /// A session that the server closed while it was idle costs no try: the mail goes over a fresh one at once.
    pub async fn send(&self, mail: &RenderedMail, expires: Instant) -> Result<(), Failure> {
        let window = Window { until: Instant::now() + self.shared.relay.deadlines.total, expires };
        let entry = timeout_at(window.until.min(expires), self.shared.permits.acquire()).await;
        let Ok(Ok(_permit)) = entry else {
            return Err(if window.is_expired() { Failure::Late } else { TOO_LATE });
        };
        if let Some(connection) = self.take_idle() {
            match self.deliver(connection, mail, window).await {
                // What closed one idle session has most likely closed its neighbours.
                Err(failure) if failure.is_stale_session() => drop(self.drain_idle(|_| true)),
                result => return result,
            }
        }
        let connection = timeout_at(window.until.min(expires), self.open()).await;
        let connection =
            connection.map_err(|_| if window.is_expired() { Failure::Late } else { TOO_LATE })?;
        self.deliver(connection?, mail, window).await
    }

    /// Opens a session, names the sender, and keeps the session for the next mail: whether the relay takes mail again.
    pub async fn probe(&self, sender: &str) -> Result<(), Failure> {
        let connection = self.open().await?.probe(sender).await?;
        self.put_back(connection);
        Ok(())
    }

    /// Opens a session, names the sender and says goodbye: whether the mail server would take a mail now.
    ///
    /// Unlike after [`Pool::probe`] no session stays open, because no mail is waiting for one.
    pub async fn try_out(&self, sender: &str) -> Result<(), Failure> {
        self.open().await?.probe(sender).await?.quit().await;
        Ok(())
    }

    /// How long a session waits for a mail.
    #[must_use]
    pub fn idle_limit(&self) -> Duration {
        self.shared.limits.idle
    }

    /// Closes the sessions that have waited too long, with a goodbye.
    pub async fn close_idle(&self) {
        let limit = self.shared.limits.idle;
        for connection in self.drain_idle(|connection| connection.idle_since.elapsed() >= limit) {
            connection.quit().await;
        }
    }

    /// Closes all idle sessions, with a goodbye.
    pub async fn close(&self) {
        for connection in self.drain_idle(|_| true) {
            connection.quit().await;
        }
    }

    async fn open(&self) -> Result<Connection, Failure> {
        Connection::open(&self.shared.relay).await.map_err(|failure| match failure {
            Failure::Refused { phase, reply }
                if phase.is_opening() && reply.code < 500 && self.shared.busy.load(Ordering::Relaxed) > 0 =>
            {
                Failure::Crowded
            }
            failure => failure,
        })
    }

    async fn deliver(
        &self,
        connection: Connection,
        mail: &RenderedMail,
        window: Window,
    ) -> Result<(), Failure> {
        let _busy = Busy::new(&self.shared.busy);
        let (result, connection) = connection.deliver(mail, window).await;
        match connection {
            Some(connection) if self.is_spent(&connection) => connection.quit().await,
            Some(connection) => self.put_back(connection),
            None => {}
        }
        result
    }

    fn is_spent(&self, connection: &Connection) -> bool {
        let PoolLimits { mails, life, .. } = self.shared.limits;
        connection.mails >= mails || connection.opened.elapsed() >= life
    }

    /// The session used last, so that the others age and are closed.
    fn take_idle(&self) -> Option<Connection> {
        let PoolLimits { idle, life, .. } = self.shared.limits;
        let mut connections = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = connections.pop()?;
        (connection.idle_since.elapsed() < idle && connection.opened.elapsed() < life).then_some(connection)
    }

    fn put_back(&self, connection: Connection) {
        let mut connections = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.len() < self.shared.limits.sessions {
            connections.push(connection);
        }
    }

    fn drain_idle(&self, condition: impl Fn(&Connection) -> bool) -> Vec<Connection> {
        let mut connections = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (out, kept) = std::mem::take(&mut *connections).into_iter().partition(|c| condition(c));
        *connections = kept;
        out
    }
}

/// No session in the time that a mail has.
const TOO_LATE: Failure = Failure::TimedOut { phase: Phase::Connect };
