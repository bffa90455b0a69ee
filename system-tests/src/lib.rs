//! What the system tests share: a whole Ping of one test's own, logins at a steady rate, and the account of both.
//!
//! In reading order:
//! - [`platform`]: Redis, RabbitMQ, a mail server and both services, each to be broken.
//! - [`client`]: one login, one verify.
//! - [`load`]: logins at a steady rate, and what became of each.
//!
//! Only tests use this crate; a fixture that fails fails its test.
#![expect(clippy::panic, reason = "a fixture that fails fails its test")]

pub mod client;
pub mod load;
pub mod platform;
