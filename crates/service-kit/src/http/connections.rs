//! The open connections of a listener.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::{
    ServeOptions,
    activity::{Activity, Waiting},
};

/// While every connection has requests in flight, none tells us when it becomes idle: this often is asked.
const AGAIN: Duration = Duration::from_millis(50);

/// All connections of one listener, by age.
#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Mutex<BTreeMap<u64, Arc<Watched>>>,
    closed: Notify,
}

/// One connection, as its listener sees it.
#[derive(Debug)]
pub struct Watched {
    activity: Mutex<Activity>,
    pub(super) options: ServeOptions,
    displaced: AtomicBool,
    displace: Notify,
}

/// The place of a connection among the open ones, until it is dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        locked(&self.connections.open).remove(&self.number);
        self.connections.closed.notify_one();
    }
}

impl Connections {
    /// Waits until another connection has a place; one that can be done without is closed for it.
    pub(super) async fn make_room(&self, max: usize) {
        while locked(&self.open).len() >= max.max(1) {
            self.displace_one();
            let _ = timeout(AGAIN, self.closed.notified()).await;
        }
    }

    /// Waits until none is open.
    pub(super) async fn all_closed(&self) {
        loop {
            let closed = self.closed.notified();
            if locked(&self.open).is_empty() {
                return;
            }
            closed.await;
        }
    }

    /// Adds a connection. The only caller is the accept loop, after [`Connections::make_room`].
    pub(super) fn add(self: &Arc<Self>, number: u64, options: ServeOptions) -> (Arc<Watched>, Place) {
        let watched = Arc::new(Watched::new(options));
        locked(&self.open).insert(number, Arc::clone(&watched));
        (watched, Place { connections: Arc::clone(self), number })
    }

    /// The oldest that waits for its first head is found at once, since they are in the order of their age.
    fn displace_one(&self) {
        let open = locked(&self.open);
        let mut least: Option<(Waiting, &Arc<Watched>)> = None;
        for watched in open.values().filter(|watched| !watched.displaced.load(Ordering::Relaxed)) {
            let Some(waiting) = watched.activity().waiting() else { continue };
            if least.is_none_or(|(before, _)| waiting < before) {
                least = Some((waiting, watched));
            }
            if matches!(waiting, Waiting::ForHead(_)) {
                break;
            }
        }
        if let Some((_, watched)) = least {
            watched.displaced.store(true, Ordering::Relaxed);
            watched.displace.notify_one();
        }
    }
}

impl Watched {
    fn new(options: ServeOptions) -> Self {
        Self {
            activity: Mutex::new(Activity::new(Instant::now())),
            options,
            displaced: AtomicBool::new(false),
            displace: Notify::new(),
        }
    }

    pub(super) fn activity(&self) -> MutexGuard<'_, Activity> {
        locked(&self.activity)
    }

    /// When its time is up, as of now.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.activity().deadline(&self.options)
    }

    /// Resolves when another connection is to have its place, unless a request began meanwhile.
    pub(super) async fn displaced(&self) {
        loop {
            self.displace.notified().await;
            if self.activity().waiting().is_some() {
                return;
            }
            self.displaced.store(false, Ordering::Relaxed);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
