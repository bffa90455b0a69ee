//! The stack's own brokers as a cluster: who is a member, and who clients may connect to.
//!
//! In reading order:
//! - [`members`], pure: what each node reports → whether they are one cluster.
//! - [`ask`]: asks each node.
//! - [`serving`]: the label by which the Service for clients selects brokers.
//! - [`finding`], pure: what the condition `RabbitMQReady` says.

pub(super) mod ask;
pub(super) mod finding;
pub mod members;
pub(super) mod serving;
