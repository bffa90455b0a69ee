//! A mail server that takes everything, keeps nothing, and knows who got mail. It offers PIPELINING, as mail servers do.

mod session;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use service_kit::shutdown::Shutdown;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use self::session::Session;
use crate::service::wait;

/// How often the count is read.
const LOOK: Duration = Duration::from_millis(5);
/// Without a mail for so long, the rest is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// The mail server.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    tally: Arc<Mutex<Tally>>,
}

/// Who got mail since the tally was begun.
#[derive(Debug, Default)]
struct Tally {
    /// How often the mail with each number came.
    times: Vec<u32>,
    taken: u64,
    strangers: u64,
}

/// How the mails of a measurement compare with its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) lost: u64,
    /// Mails beyond the first to one recipient.
    pub(crate) doubled: u64,
    pub(crate) strangers: u64,
}

impl Sink {
    /// Listens on a port of its own; each final dot is answered after `delay`.
    pub(crate) async fn start(delay: Duration, shutdown: &Shutdown) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let tally = Arc::new(Mutex::new(Tally::default()));
        let shared = Arc::clone(&tally);
        let owner = shutdown.clone();
        shutdown.spawn("sink", async move {
            while let Ok((stream, _)) = listener.accept().await {
                owner.spawn("sink session", serve(stream, delay, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, tally })
    }

    /// Forgets who got mail; `expected` recipients come next.
    pub(crate) fn begin(&self, expected: u64) {
        let times = vec![0; usize::try_from(expected).unwrap_or_default()];
        *lock(&self.tally) = Tally { times, taken: 0, strangers: 0 };
    }

    /// Mails taken so far.
    pub(crate) fn taken(&self) -> u64 {
        lock(&self.tally).taken
    }

    /// Waits until so many were taken, or until none comes any more; answers how many were.
    pub(crate) async fn wait_for(&self, mails: u64, until: Instant) -> u64 {
        let mut last = self.taken();
        let mut since = Instant::now();
        while last < mails && since.elapsed() < PATIENCE && Instant::now() < until {
            wait(LOOK).await;
            let taken = self.taken();
            if taken > last {
                (last, since) = (taken, Instant::now());
            }
        }
        last
    }

    pub(crate) fn account(&self) -> Account {
        lock(&self.tally).account()
    }
}

impl Tally {
    fn take(&mut self, number: Option<u64>) {
        let times = number.and_then(|number| self.times.get_mut(usize::try_from(number).ok()?));
        match times {
            Some(times) => *times += 1,
            None => self.strangers += 1,
        }
        self.taken += 1;
    }

    fn account(&self) -> Account {
        let doubled = self.times.iter().map(|times| u64::from(times.saturating_sub(1))).sum();
        let lost = self.times.iter().filter(|times| **times == 0).count() as u64;
        Account { lost, doubled, strangers: self.strangers }
    }
}

impl Account {
    /// Why the measurement does not count, unless each event became one mail.
    pub(crate) fn complaint(self) -> Option<String> {
        let Self { lost, doubled, strangers } = self;
        (lost + doubled + strangers > 0)
            .then(|| format!("mails: {lost} lost, {doubled} doubled, {strangers} strange"))
    }
}

fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: TcpStream, delay: Duration, tally: Arc<Mutex<Tally>>) {
    // Only speed is lost where it fails.
    let _ = stream.set_nodelay(true);
    let mut session = Session::default();
    let mut input = vec![0; 16 * 1024];
    let mut replies = b"220 sink ESMTP\r\n".to_vec();
    loop {
        if stream.write_all(&replies).await.is_err() || session.is_over() {
            return;
        }
        replies.clear();
        let Ok(read @ 1..) = stream.read(&mut input).await else { return };
        let taken = session.feed(&input[..read], &mut replies);
        if !taken.is_empty() {
            if !delay.is_zero() {
                wait(delay).await;
            }
            let mut tally = lock(&tally);
            for number in taken {
                tally.take(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Tally};

    #[test]
    fn lost_doubled_and_strange_mails_are_told_apart() {
        let mut tally = Tally { times: vec![0; 3], ..Tally::default() };
        for number in [Some(0), Some(0), Some(2), Some(9), None] {
            tally.take(number);
        }
        assert_eq!(tally.taken, 5);
        assert_eq!(tally.account(), Account { lost: 1, doubled: 1, strangers: 2 });
        assert!(tally.account().complaint().is_some());
        assert_eq!(Account { lost: 0, doubled: 0, strangers: 0 }.complaint(), None);
    }
}
