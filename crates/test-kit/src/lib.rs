//! Support for integration tests against real servers. Only tests depend on it.
//!
//! In reading order:
//! - [`wait`], [`port`]: wait for an event with a deadline, find a free port;
//! - [`broker`]: where a RabbitMQ is;
//! - [`servers`]: the Redis, RabbitMQ and Mailpit that `dev/with-servers` runs for all tests, and private ones to break;
//! - [`vhost`], [`management`]: a fresh RabbitMQ vhost for each test, and what the broker says of itself;
//! - [`smtp`]: a mail server that records everything and misbehaves by rules;
//! - [`certificates`]: what servers of tests serve TLS with;
//! - [`mailpit`]: what arrived at the real Mailpit;
//! - [`proxy`]: a TCP proxy to break connections with;
//! - `fake_api` (with the feature of that name): an API server of Kubernetes in memory;
//! - [`readyz`]: what a service says of its servers;
//! - [`process`]: one of our binaries as a process, its output, memory and open files;
//! - [`environment`]: how a program reads its environment;
//! - [`ids`]: what was confirmed against what was delivered;
//! - [`documents`]: parts of `docs/` that the code knows.
//!
//! A fixture that does not come up panics with what to do: in a test that is the answer one wants, and no test can go on without it.
#![expect(
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a fixture that fails fails its test; tests have no Shutdown to own their tasks, and no config.rs"
)]

pub mod broker;
pub mod certificates;
pub mod documents;
pub mod environment;
#[cfg(feature = "fake-api")]
pub mod fake_api;
pub mod ids;
mod listener;
pub mod mailpit;
pub mod management;
pub mod port;
pub mod process;
pub mod proxy;
pub mod readyz;
pub mod servers;
pub mod smtp;
pub mod vhost;
pub mod wait;

/// The folder of the repository, where `dev/` and `target/` are.
pub(crate) fn repository() -> std::path::PathBuf {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_path_buf()
}

/// An HTTP client for plain HTTP on this machine.
///
/// # Panics
/// When there can be none.
#[must_use]
pub fn http_client() -> reqwest::Client {
    // An error only says that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(10)).build();
    built.unwrap_or_else(|error| panic!("no HTTP client: {error}"))
}
