//! mail-service against real RabbitMQ and Redis and a mail server that misbehaves by rules.
//!
//! Run as `dev/with-servers cargo test -p mail-service`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails fails its test")]

mod causes;
mod delivery;
mod drain;
mod foreign;
mod late_redis;
mod pause;
mod refusal;
mod retry;
mod rig;
mod smtp;
mod smtp_dialogue;
mod status;
mod synthetic;
mod test_mail;
mod without_redis;
