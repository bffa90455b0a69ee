//! What every binary of Ping needs, without a word of its domain.
//!
//! In reading order:
//! - [`config`]: parsers of settings.
//! - [`telemetry`]: logs, and an error's chain in one line.
//! - [`shutdown`]: who spawns tasks, who waits for them, and the exit code.
//! - [`backoff`]: the only place that sleeps.
//! - [`health`]: which servers can be used, and whether the process is ready.
//! - [`dial_failure`]: why a server could not be reached.
//! - [`timestamp`]: points in time as JSON has them.
//! - [`metrics`]: the registry, and its text form.
//! - [`open_files`]: how many connections the process may have.
//! - [`http`]: serving a router with the limits that `axum::serve` lacks.
//! - [`management`]: `/livez`, `/readyz` and `/metrics` on their own port.
//! - [`tls`]: the one TLS provider, and why a connection could not be encrypted.

pub mod backoff;
pub mod config;
pub mod dial_failure;
pub mod health;
pub mod http;
pub mod management;
pub mod metrics;
pub mod open_files;
pub mod shutdown;
pub mod telemetry;
pub mod timestamp;
pub mod tls;
