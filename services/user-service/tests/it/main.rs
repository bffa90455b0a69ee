//! The service against real servers. Run as `dev/with-servers cargo test -p user-service`.

mod admission;
mod bad_input;
mod challenge;
mod codes;
mod contract;
mod idempotency;
mod limits;
mod publish;
mod redis_faults;
mod support;
mod wrong_tries;
