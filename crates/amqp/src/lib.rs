//! The supervised `RabbitMQ` connection: a publisher that waits for confirms, and a consumer that subscribes again.
//!
//! In reading order:
//! - [`config`], [`args`]: where the broker is, from a URL or from the environment.
//! - [`message`]: what is published.
//! - [`publisher`]: `Ok` means that the broker has the message on disk.
//! - [`consumer`]: deliveries, pause and resume.
//! - [`cause`]: why the broker cannot be used.
//!
//! Invariants, each measured to be necessary (ARCHITECTURE.md, "Decisions"):
//! - Passive declares only: the topology belongs to `ping-topology` or to the operator.
//! - lapin's own recovery is never on. A supervisor rebuilds the whole connection.
//! - A channel carries one publish at a time, so a confirm, a return or a refusal can be no other message's.
//! - Publisher and consumer never share a connection: a broker in alarm stops reading from connections that publish.

pub mod args;
pub mod cause;
pub mod config;
mod connection;
pub mod consumer;
pub mod message;
pub mod publisher;

pub use args::BrokerArgs;
pub use cause::Cause;
pub use config::{BrokerConfig, ConfigError, TlsConfig};
pub use connection::ConnectError;
pub use consumer::{Consumer, ConsumerControl, ConsumerOptions, ConsumerState, Delivery};
pub use message::{HeaderValue, Message};
pub use publisher::{PublishError, PublishRefusal, Publisher, PublisherOptions, State, UnknownOutcome};

/// Log directives that every program with a broker connection adds after its own filter: lapin logs a returned message
/// whole, and its body holds code and address.
pub const QUIET: &str = "lapin::returned_messages=off";
