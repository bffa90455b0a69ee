//! One event's way from the queue to a mail server, and what becomes of it.
//!
//! In reading order:
//! - [`consumer`]: takes messages, pauses, drains.
//! - [`handler`]: one message, from its bytes to an [`outcome`].
//! - [`sent`]: whether Redis knows the mail as sent already.
//! - `issued_at`: the moment that a mail is dated with, on every try.
//! - [`settle`]: what the outcome means for the message. [`retry`]: when it is tried again. [`park`]: the note on
//!   what cannot be delivered.
//! - `spans`: what traces and log lines tell of a delivery. [`metrics`]: what is measured.

pub mod consumer;
pub mod handler;
mod issued_at;
pub mod metrics;
pub mod outcome;
pub mod park;
pub mod retry;
pub mod sent;
pub mod settle;
mod spans;

#[cfg(test)]
mod fakes;
