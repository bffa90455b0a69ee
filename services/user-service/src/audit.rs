//! The audit log: one JSON line for each thing that happens to a sign-in, a session or a key, on standard output. Logs are
//! on standard error, so the two never mix, and no log filter turns it off.
//!
//! A request never waits for it: lines go through a queue to a thread of their own, and what does not fit is dropped and
//! counted. No line holds a code, a token or a full address. `docs/audit.md` lists events and fields.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    time::Duration,
};

use crate::metrics::ServiceMetrics;

mod entry;

pub use entry::{Entry, Event, Outcome};

/// Lines that may wait to be written, some 300 octets each.
const QUEUE: usize = 4096;

/// Lines are written together up to this size, in octets.
const BATCH_OCTETS: usize = 64 * 1024;

/// The audit log. Clones share it.
#[derive(Debug, Clone)]
pub struct Audit {
    queue: Option<SyncSender<Message>>,
    metrics: ServiceMetrics,
}

/// What the writing thread is sent.
#[derive(Debug)]
enum Message {
    /// With its line end.
    Line(Vec<u8>),
    /// To be answered when everything before it is written.
    Flush(Sender<()>),
}

impl Audit {
    /// Keeps nothing.
    #[must_use]
    pub fn off(metrics: ServiceMetrics) -> Self {
        Self { queue: None, metrics }
    }

    /// Starts the thread that writes to `writer`.
    ///
    /// # Errors
    /// The operating system has no thread to give.
    pub fn start(writer: impl Write + Send + 'static, metrics: ServiceMetrics) -> io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE);
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || write_all(&lines, writer))?;
        Ok(Self { queue: Some(queue), metrics })
    }

    /// Hands an entry over to be written, or drops it while the queue is full.
    pub fn record(&self, entry: &Entry) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(Message::Line(entry.to_line())).is_err() {
            self.metrics.audit_line_dropped();
        }
    }

    /// Waits until everything that was recorded is written. `false`: not within `deadline`.
    #[must_use]
    pub fn flush(&self, deadline: Duration) -> bool {
        let Some(queue) = &self.queue else { return true };
        let (done, answer) = channel();
        if queue.try_send(Message::Flush(done)).is_err() {
            return false;
        }
        !matches!(answer.recv_timeout(deadline), Err(RecvTimeoutError::Timeout))
    }
}

/// Writes until the last [`Audit`] is gone. A line that cannot be written is lost: there is nowhere else to put it.
fn write_all(lines: &Receiver<Message>, mut writer: impl Write) {
    let mut batch = Vec::with_capacity(BATCH_OCTETS);
    while let Ok(first) = lines.recv() {
        let mut flushed = Vec::new();
        let mut message = Some(first);
        while let Some(next) = message.take() {
            match next {
                Message::Line(line) => batch.extend(line),
                Message::Flush(done) => flushed.push(done),
            }
            if batch.len() < BATCH_OCTETS {
                message = lines.try_recv().ok();
            }
        }
        let _ = writer.write_all(&batch).and_then(|()| writer.flush());
        batch.clear();
        for done in flushed {
            let _ = done.send(());
        }
    }
}

#[cfg(test)]
mod tests;
