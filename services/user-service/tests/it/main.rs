//! The service against real servers. Run as `dev/with-servers cargo test -p user-service`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a helper that fails fails its test; tests have no Shutdown to own their tasks, and nothing outside to be public for"
)]

mod accounts;
mod admission;
mod authz;
mod bad_input;
mod challenge;
mod clients;
mod codes;
mod contract;
mod idempotency;
mod limits;
mod migrate;
mod openapi;
mod publish;
mod readiness;
mod redis_faults;
mod redis_restart;
mod sessions;
mod support;
mod tokens;
mod wrong_tries;
