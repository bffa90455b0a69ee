//! What the server's connections share: the script and the record.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_rustls::TlsAcceptor;

use super::{Action, Message, Phase, Rule};

/// Who may sign in, and what the server offers.
#[derive(Default)]
pub(super) struct Offer {
    pub(super) credentials: Option<(String, String)>,
    /// Instead of `PLAIN LOGIN`.
    pub(super) mechanisms: Option<String>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) implicit_tls: bool,
}

pub(super) struct State {
    pub(super) offer: Offer,
    pub(super) connections: AtomicU64,
    recorded: AtomicU64,
    messages: Mutex<Vec<Message>>,
    rules: Mutex<Vec<Rule>>,
}

impl State {
    pub(super) fn new(offer: Offer) -> Self {
        let connections = AtomicU64::new(0);
        let recorded = AtomicU64::new(0);
        Self { offer, connections, recorded, messages: Mutex::default(), rules: Mutex::default() }
    }

    pub(super) fn messages(&self) -> MutexGuard<'_, Vec<Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn next_message(&self) -> u64 {
        self.recorded.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What the script says for this moment, if anything.
    pub(super) fn action(&self, phase: Phase, connection: u64, recipients: &[String]) -> Option<Action> {
        let mut rules = self.rules();
        rules
            .iter_mut()
            .find_map(|rule| rule.applies(phase, connection, recipients).then(|| rule.action.clone()))
    }
}
