//! What the broker has, as far as it is compared.

use std::collections::BTreeMap;

use crate::{
    topology::{Binding, Exchange, Policy, Queue},
    users::{PasswordHash, Permissions},
};

/// What the broker reports. Absent = it does not exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Actual {
    /// The server's version, such as `4.0.5`.
    pub server_version: String,
    /// The vhost.
    pub vhost: Option<VhostState>,
    /// The vhost's exchanges.
    pub exchanges: Vec<Exchange>,
    /// The vhost's queues.
    pub queues: Vec<QueueState>,
    /// The vhost's bindings, the default exchange's left out.
    pub bindings: Vec<Binding>,
    /// The vhost's policies.
    pub policies: Vec<Policy>,
    /// The users that are desired, by name.
    pub users: BTreeMap<String, UserState>,
    /// Permissions on the vhost.
    pub permissions: Vec<Permissions>,
}

/// A vhost as the broker reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VhostState {
    /// `None`: none was set, which means classic.
    pub default_queue_type: Option<String>,
    /// All tags.
    pub tags: Vec<String>,
}

/// A queue as the broker reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Name, durability, arguments.
    pub queue: Queue,
    /// The policy that applies to it.
    pub policy: Option<String>,
}

/// A user as the broker reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserState {
    /// `None` for users whose password is kept elsewhere.
    pub password_hash: Option<PasswordHash>,
    /// All tags.
    pub tags: Vec<String>,
}
