//! The supervised connection to Redis, the same for both services.
//!
//! - [`RedisArgs`]: where Redis is, from the environment.
//! - [`RedisServer`]: where it is, and whom to trust there.
//! - [`RedisConnection`]: the connection as commands use it. A task of its own connects, probes and replaces it.
//! - [`StoreError`]: why a command failed.

mod args;
mod connection;
mod dial;
mod error;
mod supervisor;

pub use args::{ConfigError, RedisArgs};
pub use connection::RedisConnection;
pub use dial::RedisServer;
pub use error::StoreError;
pub use supervisor::{Probe, Supervision};
