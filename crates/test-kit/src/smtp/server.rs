//! The mail server as a test holds it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::session;
use super::state::{Offer, State};
use super::{Message, Rule, Verdict};
use crate::certificates::Certificate;
use crate::listener::Listener;
use crate::wait::wait_for;

/// A mail server on a free port of 127.0.0.1. Stops listening when dropped; its connections end with the runtime.
pub struct SmtpServer {
    listener: Listener,
    state: Arc<State>,
    certificate: Option<String>,
}

/// What a server offers.
#[derive(Default)]
pub struct SmtpServerBuilder {
    offer: Offer,
    certificate: Option<String>,
}

impl SmtpServerBuilder {
    /// Only who signs in with these may send (`AUTH PLAIN` and `AUTH LOGIN`).
    #[must_use]
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.offer.credentials = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Offers `STARTTLS` with a certificate of its own.
    #[must_use]
    pub fn starttls(self) -> Self {
        self.starttls_with(&Certificate::good())
    }

    /// Offers `STARTTLS` with this certificate.
    #[must_use]
    pub fn starttls_with(mut self, certificate: &Certificate) -> Self {
        self.offer.tls = Some(certificate.acceptor());
        self.certificate = Some(certificate.authority.clone());
        self
    }

    /// Offers these mechanisms to sign in, as in `XOAUTH2`, and none where it is empty.
    #[must_use]
    pub fn mechanisms(mut self, mechanisms: &str) -> Self {
        self.offer.mechanisms = Some(mechanisms.to_owned());
        self
    }

    /// Speaks TLS from the first byte, as port 465 does.
    #[must_use]
    pub fn implicit_tls(self) -> Self {
        self.implicit_tls_with(&Certificate::good())
    }

    /// Speaks TLS from the first byte, with this certificate.
    #[must_use]
    pub fn implicit_tls_with(self, certificate: &Certificate) -> Self {
        let mut builder = self.starttls_with(certificate);
        builder.offer.implicit_tls = true;
        builder
    }

    pub async fn start(self) -> SmtpServer {
        let state = Arc::new(State::new(self.offer));
        let shared = Arc::clone(&state);
        let listener = Listener::start(move |socket| {
            tokio::spawn(session::serve(socket, Arc::clone(&shared)));
        });
        SmtpServer { listener: listener.await, state, certificate: self.certificate }
    }
}

impl SmtpServer {
    /// A plain one that takes everything from anybody.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// One that offers more.
    #[must_use]
    pub fn builder() -> SmtpServerBuilder {
        SmtpServerBuilder::default()
    }

    /// Where it takes mail.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// The PEM of the certificate that a client must trust; empty without TLS.
    #[must_use]
    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().unwrap_or_default()
    }

    /// Adds a rule behind those that are there.
    pub fn add_rule(&self, rule: Rule) {
        self.state.rules().push(rule);
    }

    /// Behaves again.
    pub fn clear_rules(&self) {
        self.state.rules().clear();
    }

    /// Refuses new connections; those that exist go on.
    pub async fn refuse_connections(&self) {
        self.listener.set_open(false).await;
    }

    /// Takes new connections again.
    pub async fn accept_connections(&self) {
        self.listener.set_open(true).await;
    }

    /// How many connections it has taken so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Every message whose final dot came, in order of arrival, whatever was said to it.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.state.messages().clone()
    }

    /// The messages that are in the inbox: accepted ones, and those whose sender never got an answer.
    #[must_use]
    pub fn delivered(&self) -> Vec<Message> {
        self.state.messages().iter().filter(|message| message.verdict != Verdict::Refused).cloned().collect()
    }

    /// Takes the accepted messages that are `wanted` out of the record: a long run would fill the memory with them.
    #[must_use]
    pub fn take_accepted(&self, wanted: impl Fn(&Message) -> bool) -> Vec<Message> {
        let accepted = |message: &mut Message| message.verdict == Verdict::Accepted && wanted(message);
        self.state.messages().extract_if(.., accepted).collect()
    }

    /// The messages of [`delivered`](Self::delivered) to one address.
    #[must_use]
    pub fn delivered_to(&self, address: &str) -> Vec<Message> {
        let mut messages = self.delivered();
        messages.retain(|message| message.recipients.iter().any(|recipient| recipient == address));
        messages
    }

    /// Waits until at least `count` messages are in the inbox, and returns them.
    ///
    /// # Panics
    /// When there are fewer after `deadline`.
    pub async fn wait_for_delivered(&self, count: usize, deadline: Duration) -> Vec<Message> {
        wait_for(&format!("{count} mails"), deadline, || async {
            let in_inbox = |message: &&Message| message.verdict != Verdict::Refused;
            let enough = self.state.messages().iter().filter(in_inbox).count() >= count;
            enough.then(|| self.delivered())
        })
        .await
    }

    /// Waits for the first message to `address`.
    ///
    /// # Panics
    /// When none came before `deadline`.
    pub async fn wait_for_message_to(&self, address: &str, deadline: Duration) -> Message {
        wait_for(&format!("a mail to {address}"), deadline, || async {
            self.delivered_to(address).into_iter().next()
        })
        .await
    }
}
