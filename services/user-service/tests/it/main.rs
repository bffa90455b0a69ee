//! The service against real servers. Run as `dev/with-servers cargo test -p user-service`.

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
mod redis_faults;
mod sessions;
mod support;
mod tokens;
mod wrong_tries;
