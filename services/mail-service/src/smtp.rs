//! SMTP over sessions of our own.
//!
//! lettre's connection speaks the protocol; its pool and its timeouts are not used (three measured reasons, each at
//! the place that answers it: [`phase`], [`connection`], and the socket options). In reading order:
//! - [`pool`]: which session a mail takes.
//! - [`connection`]: one session.
//! - [`recipients`]: who is left of several recipients. [`starttls`]: how a session begins in clear. [`replies`], [`reply_line`]: what servers really answer.
//! - [`phase`]: its steps and their deadlines.
//! - [`failure`]: what can go wrong, without the server's text. [`classification`]: what it means.
//!   [`sender_refusal`]: which answers are about the sender.
//! - [`test_mail_result`]: the result of a test mail. [`smtp_trouble`], [`status`]: whether the mail server can be used, and why not.
//! - [`sink`]: where mails of synthetic sign-ins go instead.
//! - [`tls`]: how it is encrypted.

pub mod classification;
pub mod connection;
pub mod failure;
pub mod phase;
pub mod pool;
mod recipients;
mod replies;
mod reply_line;
pub mod sender_refusal;
pub mod sink;
pub mod smtp_trouble;
mod starttls;
pub mod status;
mod stream;
pub mod test_mail_result;
pub mod tls;

use std::future::Future;

use tokio::time::Instant;

pub use self::{
    classification::{Fault, Part, Scope, Severity},
    connection::Relay,
    failure::{Failure, Reply},
    pool::{Pool, PoolLimits},
};
use crate::message::RenderedMail;

/// Where mail goes. The pool is the real one; tests have one in memory.
pub trait Mailer: Send + Sync + 'static {
    /// Hands one mail over, until `expires` at most. `Ok` = a server took responsibility for it.
    fn send(&self, mail: &RenderedMail, expires: Instant)
    -> impl Future<Output = Result<(), Failure>> + Send;

    /// Whether mail from `sender` would be taken now.
    fn probe(&self, sender: &str) -> impl Future<Output = Result<(), Failure>> + Send;
}

impl Mailer for Pool {
    async fn send(&self, mail: &RenderedMail, expires: Instant) -> Result<(), Failure> {
        Self::send(self, mail, expires).await
    }

    async fn probe(&self, sender: &str) -> Result<(), Failure> {
        Self::probe(self, sender).await
    }
}
