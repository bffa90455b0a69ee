//! The channels of one connection, each leased to one publish at a time.
//!
//! Why one at a time (all seen in lapin 4.12.3): it hands a returned message to whichever confirm completes next, and
//! two publishes that start at once on one channel can swap their delivery tags. With one, both are harmless, and a
//! broker that closes the channel can only mean this message.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use lapin::Channel;
use tokio::sync::{Notify, Semaphore};

/// Idle channels. A channel that is lost is replaced by the supervisor.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    idle: Mutex<Vec<Channel>>,
    available: Available,
    lost: AtomicUsize,
    lost_one: Notify,
}

/// Counts what is in `idle`, so that it can be waited for.
#[derive(Debug)]
struct Available(Semaphore);

impl Default for Available {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

/// The channels take no more publishes: the connection is ending, or the broker is in alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

/// One channel, until it is given back. Dropped before that, its message may be under way, and the channel is lost.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    channels: &'a Channels,
    channel: Option<Channel>,
}

impl Channels {
    /// Adds a channel, new or given back.
    pub(crate) fn add(&self, channel: Channel) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(channel);
        self.available.0.add_permits(1);
    }

    /// Waits for an idle channel, first come, first served.
    pub(crate) async fn lease(&self) -> Result<Lease<'_>, Closed> {
        loop {
            self.available.0.acquire().await.map_err(|_| Closed)?.forget();
            // There is one for each permit.
            let channel = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match channel {
                Some(channel) if channel.status().connected() => {
                    return Ok(Lease { channels: self, channel: Some(channel) });
                }
                _ => self.lose(),
            }
        }
    }

    /// Refuses all that wait, and all that come.
    pub(crate) fn close(&self) {
        self.available.0.close();
    }

    /// Waits until channels are lost, and says how many. They are the caller's to replace.
    pub(crate) async fn lost(&self) -> usize {
        loop {
            let lost = self.lost.swap(0, Ordering::AcqRel);
            if lost > 0 {
                return lost;
            }
            self.lost_one.notified().await;
        }
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::AcqRel);
        self.lost_one.notify_one();
    }
}

impl Lease<'_> {
    pub(crate) fn channel(&self) -> Option<&Channel> {
        self.channel.as_ref()
    }

    /// Nothing is under way on it any more.
    pub(crate) fn give_back(mut self) {
        if let Some(channel) = self.channel.take() {
            self.channels.add(channel);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // lapin closes a channel whose last handle is dropped.
        if self.channel.take().is_some() {
            self.channels.lose();
        }
    }
}
