//! What the broker has, as far as it is compared.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    topology::{Binding, Exchange, Policy, Queue},
    users::{PasswordHash, Permissions},
};

/// What the broker reports. Absent = it does not exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Actual {
    /// The server's version, such as `4.0.5`.
    pub server_version: String,
    pub vhost: Option<VhostState>,
    pub exchanges: Vec<Exchange>,
    pub queues: Vec<QueueState>,
    /// The vhost's bindings, the default exchange's left out.
    pub bindings: Vec<Binding>,
    pub policies: Vec<Policy>,
    /// The users that are desired, by name.
    pub users: BTreeMap<String, UserState>,
    pub permissions: Vec<Permissions>,
}

/// A vhost as the broker reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VhostState {
    /// `None`: none was set, which means classic.
    pub default_queue_type: Option<String>,
    pub tags: Vec<String>,
    pub description: String,
}

/// A queue as the broker reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    pub queue: Queue,
    /// Whether it is exclusive or deleted after its last consumer: never of the vhost's default type unless that is classic.
    pub transient: bool,
    /// The policy that applies to it.
    pub policy: Option<String>,
}

impl QueueState {
    /// Whether it may have its type from the vhost's default. Where one is set, the broker writes it into the arguments.
    pub(super) fn follows(&self, default: Option<&str>) -> bool {
        let kind = self.queue.arguments.get("x-queue-type").and_then(Value::as_str);
        self.queue.durable && !self.transient && kind == default
    }
}

/// A user as the broker reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserState {
    /// `None` for users whose password is kept elsewhere.
    pub password_hash: Option<PasswordHash>,
    pub tags: Vec<String>,
}
