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
mod audit;
mod audit_stream;
mod authz;
mod bad_input;
mod beside;
mod challenge;
mod clients;
mod codes;
mod contract;
mod cors;
mod directory;
mod directory_database;
mod encodings;
mod ended_sessions;
mod guessing;
mod guessing_days;
mod headers;
mod idempotency;
mod limits;
mod locale;
mod migrate;
mod openapi;
mod owner;
mod publish;
mod readiness;
mod redis_faults;
mod redis_restart;
mod sealed;
mod session_records;
mod sessions;
mod support;
mod synthetic;
mod tokens;
mod wrong_tries;
