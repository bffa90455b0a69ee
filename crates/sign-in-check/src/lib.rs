//! Finds out whether signing in works, by signing in.
//!
//! A sign-in here is what a user does: it requests a code, reads it from the mail, verifies it, and checks the token. There
//! is no other way to the code than the mail: user-service publishes it to the broker, mail-service delivers it by SMTP,
//! and this crate's sink is the mail server of the reserved domain.
//!
//! In reading order:
//! - [`attempt`]: one sign-in, step by step.
//! - [`failure`]: the step that failed, and why.
//! - `user_service`: its requests. `token`: whether a token is signed by a published key.
//! - [`sink`]: the mail server. `session`: one connection to it. `code`: the code in a mail.

pub mod attempt;
mod code;
pub mod failure;
mod session;
pub mod sink;
mod token;
mod user_service;

pub use attempt::{SignIn, SignedIn};
pub use failure::{Failure, Step};
pub use sink::Sink;
