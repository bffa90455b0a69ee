//! Faults that only killed, frozen, filled and cut-off servers show, each played on a whole Ping of its own.
//!
//! `make test-faults` runs them; the numbers are those of the fault table in ARCHITECTURE.md. Each run under load prints its row:
//! `| fault | confirmed | delivered | doubled | lost | recovery | slowest answer | statuses |`.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panic, and its rows are for the reader"
)]

mod broker;
mod clock;
mod disks;
mod input;
mod mail_server;
mod mail_service;
mod redis;
mod rig;
mod soak;
