//! A mail server in this process that records everything and misbehaves by rules.
//!
//! ```no_run
//! # async fn example() {
//! use test_kit::smtp::{Phase, Rule, SmtpServer};
//!
//! let server = SmtpServer::start().await;
//! server.add_rule(Rule::reply(Phase::DataEnd, "451 4.7.1 try later").to_recipient("ada@example.org").times(1));
//! server.add_rule(Rule::record_and_close().times(1));
//! # }
//! ```

mod message;
mod rule;
mod server;
mod session;
mod state;

pub use message::{Message, Verdict};
pub use rule::{Action, Phase, Rule};
pub use server::{SmtpServer, SmtpServerBuilder};
