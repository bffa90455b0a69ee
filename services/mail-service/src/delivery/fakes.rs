//! In-memory stand-ins for what the handler and the consumer talk to.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use ping_contract::event::EventId;
use redis_client::StoreError;
use service_kit::metrics::Metrics;
use tokio::{sync::mpsc, time::Instant};
use traces::TraceParent;

use super::{
    handler::Handler,
    metrics::MailMetrics,
    sent::{SentCheck, SentLog},
};
use crate::{
    event::EventReader,
    message::{MessageWriter, RenderedMail},
    open_keys::OpenKeys,
    queue::{Incoming, NotPublished, Outbox, OutgoingMessage, Received, Source},
    smtp::{Failure, Mailer, sender_refusal::SenderReports},
    words::Words,
};

/// The time on the fake Redis clock: far from the machine's own.
pub(crate) const NOW_MS: i64 = 4_000_000_000_000;

#[derive(Clone, Default)]
pub(crate) struct FakeSentLog {
    pub(crate) marked: Arc<Mutex<HashSet<EventId>>>,
    pub(crate) silent: Arc<AtomicBool>,
    /// Milliseconds since [`NOW_MS`].
    pub(crate) later_ms: Arc<AtomicI64>,
}

impl SentLog for FakeSentLog {
    async fn look(&self, id: Option<&EventId>) -> Result<SentCheck, StoreError> {
        if self.silent.load(Ordering::SeqCst) {
            return Err(StoreError::TimedOut);
        }
        let sent = id.is_some_and(|id| self.marked.lock().unwrap().contains(id));
        let now_ms = NOW_MS + self.later_ms.load(Ordering::SeqCst);
        Ok(SentCheck { sent, now_ms, asked: Instant::now() })
    }

    async fn mark(&self, id: &EventId, _: Duration) -> Result<(), StoreError> {
        self.marked.lock().unwrap().insert(id.clone());
        Ok(())
    }
}

/// Answers from a script, then `Ok`; keeps what it was given.
#[derive(Clone, Default)]
pub(crate) struct FakeMailer {
    pub(crate) script: Arc<Mutex<VecDeque<Failure>>>,
    pub(crate) sent: Arc<Mutex<Vec<String>>>,
    /// Every mail that it was given, those that it did not take too.
    pub(crate) tried: Arc<Mutex<Vec<String>>>,
    pub(crate) probe_fails: Arc<Mutex<Option<Failure>>>,
}

impl FakeMailer {
    pub(crate) fn failing(failure: Failure) -> Self {
        let mailer = Self::default();
        mailer.script.lock().unwrap().push_back(failure);
        mailer
    }
}

impl Mailer for FakeMailer {
    async fn send(&self, mail: &RenderedMail, _: Instant) -> Result<(), Failure> {
        let content = String::from_utf8(mail.content().to_vec()).unwrap();
        self.tried.lock().unwrap().push(content.clone());
        if let Some(failure) = self.script.lock().unwrap().pop_front() {
            return Err(failure);
        }
        self.sent.lock().unwrap().push(content);
        Ok(())
    }

    async fn probe(&self, _: &str) -> Result<(), Failure> {
        self.probe_fails.lock().unwrap().map_or(Ok(()), Err)
    }
}

pub(crate) fn handler(sent: FakeSentLog, mailer: FakeMailer) -> Handler<FakeSentLog, FakeMailer> {
    Handler {
        sent,
        mailer,
        writer: MessageWriter::new("no-reply@ping.example").unwrap(),
        code_life: Duration::from_mins(5),
        reader: EventReader { local_domains: Vec::new(), keys: OpenKeys::none() },
        words: Words::Original,
        metrics: MailMetrics::register(&Metrics::new("mail-service", "0")),
        sender_reports: SenderReports::default(),
    }
}

/// What became of a message of the fake queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Acked,
    Requeued,
    Dropped,
}

pub(crate) struct FakeItem {
    pub(crate) name: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) message_id: Option<String>,
    pub(crate) expires_at_ms: Option<i64>,
    pub(crate) issued_at_ms: Option<i64>,
    pub(crate) published_at_ms: Option<i64>,
    pub(crate) locales: Option<String>,
    pub(crate) attempt: u32,
    pub(crate) delivery_count: u64,
    pub(crate) trace_parent: Option<TraceParent>,
    fates: mpsc::UnboundedSender<(&'static str, Fate)>,
    settled: bool,
}

impl FakeItem {
    fn settle(mut self, fate: Fate) {
        self.settled = true;
        let _ = self.fates.send((self.name, fate));
    }
}

impl Drop for FakeItem {
    fn drop(&mut self) {
        if !self.settled {
            let _ = self.fates.send((self.name, Fate::Dropped));
        }
    }
}

impl Incoming for FakeItem {
    fn received(&self) -> Received<'_> {
        Received {
            body: &self.body,
            message_id: self.message_id.as_deref(),
            expires_at_ms: self.expires_at_ms,
            issued_at_ms: self.issued_at_ms,
            published_at_ms: self.published_at_ms,
            locales: self.locales.as_deref(),
            attempt: self.attempt,
            delivery_count: self.delivery_count,
            trace_parent: self.trace_parent,
        }
    }

    async fn ack(self) {
        self.settle(Fate::Acked);
    }

    async fn requeue(self) {
        self.settle(Fate::Requeued);
    }
}

/// The queue, from the test's side.
pub(crate) struct FakeQueue {
    items: mpsc::UnboundedSender<FakeItem>,
    fates_in: mpsc::UnboundedSender<(&'static str, Fate)>,
    fates: mpsc::UnboundedReceiver<(&'static str, Fate)>,
    pub(crate) consuming: Arc<AtomicBool>,
}

/// The queue, from the consumer's side.
pub(crate) struct FakeSource {
    items: mpsc::UnboundedReceiver<FakeItem>,
    consuming: Arc<AtomicBool>,
}

pub(crate) fn queue() -> (FakeQueue, FakeSource) {
    let (items, received) = mpsc::unbounded_channel();
    let (fates_in, fates) = mpsc::unbounded_channel();
    let consuming = Arc::new(AtomicBool::new(true));
    let queue = FakeQueue { items, fates_in, fates, consuming: consuming.clone() };
    (queue, FakeSource { items: received, consuming })
}

impl FakeQueue {
    pub(crate) fn item(&self, name: &'static str, body: Vec<u8>) -> FakeItem {
        FakeItem {
            name,
            body,
            message_id: None,
            expires_at_ms: Some(NOW_MS + 300_000),
            issued_at_ms: None,
            published_at_ms: None,
            locales: None,
            attempt: 1,
            delivery_count: 0,
            trace_parent: None,
            fates: self.fates_in.clone(),
            settled: false,
        }
    }

    pub(crate) fn push(&self, item: FakeItem) {
        self.items.send(item).unwrap_or_else(|_| panic!("the consumer has gone"));
    }

    /// The next message that was settled.
    pub(crate) async fn fate(&mut self) -> (&'static str, Fate) {
        let fate = tokio::time::timeout(Duration::from_secs(30), self.fates.recv()).await;
        fate.expect("no message was settled within 30 s").unwrap()
    }
}

impl Source for FakeSource {
    type Item = FakeItem;

    async fn next(&mut self) -> Option<FakeItem> {
        if self.consuming.load(Ordering::SeqCst) {
            self.items.recv().await
        } else {
            std::future::pending().await
        }
    }

    async fn pause(&mut self, _: &'static str) {
        self.consuming.store(false, Ordering::SeqCst);
    }

    async fn resume(&mut self) {
        self.consuming.store(true, Ordering::SeqCst);
    }
}

impl Drop for FakeSource {
    fn drop(&mut self) {
        self.consuming.store(false, Ordering::SeqCst);
    }
}

/// Keeps what was published, or refuses the queues it is told to.
#[derive(Clone, Default)]
pub(crate) struct FakeOutbox {
    pub(crate) published: Arc<Mutex<Vec<OutgoingMessage>>>,
    pub(crate) refused: Arc<Mutex<HashSet<&'static str>>>,
}

impl Outbox for FakeOutbox {
    async fn publish(&self, message: OutgoingMessage) -> Result<(), NotPublished> {
        if self.refused.lock().unwrap().contains(message.queue) {
            return Err(NotPublished("no such queue".into()));
        }
        self.published.lock().unwrap().push(message);
        Ok(())
    }
}
