//! mail-service against real RabbitMQ and Redis and a mail server that misbehaves as it is told.
//!
//! Run as `dev/with-servers cargo test -p mail-service`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails fails its test")]

mod delivery;
mod drain;
mod pause;
mod refusal;
mod retry;
mod rig;
mod smtp;
mod smtp_dialogue;
mod status;
mod test_mail;
