//! Desired × actual topology → what to write, what stands in the way, and what to tell. Pure.
//!
//! Nothing is ever deleted, and an object is written only where it differs: applying twice writes nothing the second
//! time. What cannot be corrected without a deletion is a [`Conflict`], left as it is.

use std::fmt;

use crate::{
    broker_version::{self, UnsupportedVersion},
    topology::{Binding, Desired, Exchange, Policy, Queue, Vhost},
    users::{Permissions, User},
};

mod actual;

pub use actual::{Actual, QueueState, UserState, VhostState};

/// One write, in the order of [`Plan::operations`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    CreateVhost(Vhost),
    /// Put the owner's tag on a vhost that nobody owns, beside these that it has.
    ClaimVhost(Vhost, Vec<String>),
    /// Make its default queue type what it must be. What else the vhost has stays: a write without it would remove it.
    SetDefaultQueueType(Vhost, VhostState),
    CreateExchange(Exchange),
    CreatePolicy(Policy),
    /// Bring a policy back to what it must be.
    CorrectPolicy(Policy),
    CreateQueue(Queue),
    CreateBinding(Binding),
    CreateUser(User),
    /// Bring a user's password and tags back to what they must be.
    CorrectUser(User),
    /// Set a user's permissions on the vhost.
    SetPermissions(Permissions),
}

impl fmt::Display for Operation {
    /// In words, without a password or its hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateVhost(vhost) => write!(f, "create the vhost '{}'", vhost.name),
            Self::ClaimVhost(vhost, _) => write!(f, "tag the vhost '{}' with its owner", vhost.name),
            Self::SetDefaultQueueType(vhost, _) => {
                let Vhost { name, default_queue_type, .. } = vhost;
                write!(f, "make {default_queue_type} the default queue type of the vhost '{name}'")
            }
            Self::CreateExchange(exchange) => write!(f, "create the exchange '{}'", exchange.name),
            Self::CreatePolicy(policy) => write!(f, "create the policy '{}'", policy.name),
            Self::CorrectPolicy(policy) => write!(f, "correct the policy '{}'", policy.name),
            Self::CreateQueue(queue) => write!(f, "create the queue '{}'", queue.name),
            Self::CreateBinding(binding) => {
                write!(f, "bind the queue '{}' to the exchange '{}'", binding.queue, binding.exchange)
            }
            Self::CreateUser(user) => write!(f, "create the user '{}'", user.name),
            Self::CorrectUser(user) => write!(f, "correct password or tags of the user '{}'", user.name),
            Self::SetPermissions(permissions) => {
                write!(f, "set the permissions of the user '{}'", permissions.user)
            }
        }
    }
}

/// What only a person can resolve. The object stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Nothing is written to such a server.
    #[error(transparent)]
    UnsupportedVersion(UnsupportedVersion),
    /// Nothing is written to such a vhost.
    #[error(
        "the vhost '{vhost}' belongs to '{owner}': use another vhost, or remove that tag if its owner is gone"
    )]
    VhostOwned {
        vhost: String,
        /// The tag.
        owner: String,
    },
    /// Another type or durability.
    #[error(
        "the exchange '{name}' is {actual}, not a durable direct one: delete it once nothing uses it, then apply again"
    )]
    Exchange {
        name: String,
        /// What it is, in words.
        actual: String,
    },
    /// Other arguments or durability.
    #[error(
        "the queue '{name}' is {actual}, not durable with the type quorum alone: drain and delete it, then apply again"
    )]
    Queue {
        name: String,
        /// What it is, in words.
        actual: String,
    },
    /// Queues that were declared without a type: with another default, their programs could not declare them again.
    #[error(
        "the vhost's default queue type cannot be changed for the original services, since others rely on it: {queues}; \
         stop Ping's services and delete send-otp when it is empty, and the original services declare their own"
    )]
    DefaultQueueTypeInUse {
        /// Their names.
        queues: String,
    },
    /// A policy of somebody else's with a higher priority.
    #[error(
        "the policy '{policy}' applies to the queue '{queue}' in place of Ping's: narrow its pattern or lower its priority"
    )]
    PolicyOutranked {
        queue: String,
        /// The other policy.
        policy: String,
    },
}

/// What works, but should be known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// It is changed only on request.
    #[error(
        "the vhost's default queue type is {0}, not quorum: a client that declares send-otp as {{durable: true}}, as \
         the original services do, is refused; use ping-topology --for-original to change it"
    )]
    DefaultQueueType(String),
}

/// What to do, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Writes. Empty = all is as desired, but for the conflicts.
    pub operations: Vec<Operation>,
    /// What stays wrong.
    pub conflicts: Vec<Conflict>,
    pub warnings: Vec<Warning>,
}

/// Compares, and says what to do. Writes nothing at all to an unsupported server or to another owner's vhost.
#[must_use]
pub fn plan(desired: &Desired, actual: &Actual) -> Plan {
    let mut plan = Plan::default();
    plan.server(actual);
    plan.vhost(&desired.vhost, actual.vhost.as_ref());
    if !plan.conflicts.is_empty() {
        plan.operations.clear();
        return plan;
    }
    desired.exchanges.iter().for_each(|exchange| plan.exchange(exchange, &actual.exchanges));
    desired.policies.iter().for_each(|policy| plan.policy(policy, &actual.policies));
    desired.queues.iter().for_each(|queue| plan.queue(queue, desired, actual));
    let missing = desired.bindings.iter().filter(|binding| !actual.bindings.contains(binding));
    plan.operations.extend(missing.cloned().map(Operation::CreateBinding));
    desired.users.iter().for_each(|user| plan.user(user, actual.users.get(&user.name)));
    let missing = desired.permissions.iter().filter(|permissions| !actual.permissions.contains(permissions));
    plan.operations.extend(missing.cloned().map(Operation::SetPermissions));
    plan.leave_conflicting_queues_unbound();
    if desired.for_original {
        plan.default_queue_type(desired, actual);
    }
    plan
}

impl Plan {
    fn server(&mut self, actual: &Actual) {
        let unsupported = broker_version::check(&actual.server_version).err();
        self.conflicts.extend(unsupported.map(Conflict::UnsupportedVersion));
    }

    fn vhost(&mut self, desired: &Vhost, actual: Option<&VhostState>) {
        let Some(actual) = actual else {
            self.operations.push(Operation::CreateVhost(desired.clone()));
            return;
        };
        let queue_type = actual.default_queue_type.as_deref().unwrap_or("classic");
        if queue_type != desired.default_queue_type {
            self.warnings.push(Warning::DefaultQueueType(queue_type.to_owned()));
        }
        let Some(owner) = &desired.owner else { return };
        if actual.tags.contains(owner) {
            return;
        }
        match actual.tags.iter().find(|tag| is_owner(tag)) {
            Some(other) => {
                let vhost = desired.name.clone();
                let owner = other.clone();
                self.conflicts.push(Conflict::VhostOwned { vhost, owner });
            }
            None => self.operations.push(Operation::ClaimVhost(desired.clone(), actual.tags.clone())),
        }
    }

    /// In place of the warning. Left as it is while `send-otp` is in conflict: the original's own queue may be of that type.
    fn default_queue_type(&mut self, desired: &Desired, actual: &Actual) {
        let Some(vhost) = &actual.vhost else { return };
        if self.warnings.is_empty() || !self.conflicts.is_empty() {
            return;
        }
        let others = actual.queues.iter().filter(|state| state.follows(vhost.default_queue_type.as_deref()));
        let others = others.map(|state| format!("'{}'", state.queue.name)).collect::<Vec<_>>();
        if others.is_empty() {
            self.warnings.clear();
            self.operations.push(Operation::SetDefaultQueueType(desired.vhost.clone(), vhost.clone()));
        } else {
            self.conflicts.push(Conflict::DefaultQueueTypeInUse { queues: others.join(", ") });
        }
    }

    fn exchange(&mut self, desired: &Exchange, actual: &[Exchange]) {
        match actual.iter().find(|exchange| exchange.name == desired.name) {
            None => self.operations.push(Operation::CreateExchange(desired.clone())),
            Some(same) if same == desired => {}
            Some(other) => self.conflicts.push(Conflict::Exchange {
                name: other.name.clone(),
                actual: format!("{} {}", durability(other.durable), other.kind),
            }),
        }
    }

    fn policy(&mut self, desired: &Policy, actual: &[Policy]) {
        match actual.iter().find(|policy| policy.name == desired.name) {
            None => self.operations.push(Operation::CreatePolicy(desired.clone())),
            Some(same) if same == desired => {}
            Some(_) => self.operations.push(Operation::CorrectPolicy(desired.clone())),
        }
    }

    fn queue(&mut self, desired: &Queue, all: &Desired, actual: &Actual) {
        let Some(state) = actual.queues.iter().find(|state| state.queue.name == desired.name) else {
            self.operations.push(Operation::CreateQueue(desired.clone()));
            return;
        };
        if state.queue != *desired {
            let arguments = serde_json::to_string(&state.queue.arguments).unwrap_or_default();
            let actual = format!("{} with the arguments {arguments}", durability(state.queue.durable));
            self.conflicts.push(Conflict::Queue { name: desired.name.clone(), actual });
            return;
        }
        // Ours in place and unchanged, and yet another one applies: that one outranks it.
        let ours = all.policies.iter().find(|policy| policy.name == format!("ping.{}", desired.name));
        let settled = ours.is_some_and(|ours| actual.policies.contains(ours));
        let applied = state.policy.as_ref().filter(|name| ours.is_some_and(|ours| ours.name != **name));
        if let (true, Some(policy)) = (settled, applied) {
            let queue = desired.name.clone();
            let policy = policy.clone();
            self.conflicts.push(Conflict::PolicyOutranked { queue, policy });
        }
    }

    fn user(&mut self, desired: &User, actual: Option<&UserState>) {
        let Some(actual) = actual else {
            self.operations.push(Operation::CreateUser(desired.clone()));
            return;
        };
        let same_password = actual.password_hash.as_ref().is_some_and(|hash| hash.is_of(&desired.password));
        if !same_password || actual.tags != desired.role.tags() {
            self.operations.push(Operation::CorrectUser(desired.clone()));
        }
    }

    /// A queue or exchange in conflict is not ours yet: it gets no binding, or a stranger's queue would be fed codes.
    fn leave_conflicting_queues_unbound(&mut self) {
        let conflicts = &self.conflicts;
        let in_conflict = |object: &String| {
            conflicts.iter().any(|conflict| match conflict {
                Conflict::Exchange { name, .. } | Conflict::Queue { name, .. } => name == object,
                _ => false,
            })
        };
        self.operations.retain(|operation| match operation {
            Operation::CreateBinding(binding) => {
                !in_conflict(&binding.queue) && !in_conflict(&binding.exchange)
            }
            _ => true,
        });
    }
}

/// Whether a vhost's tag says who owns it: `<cluster>/<namespace>/<name>`.
fn is_owner(tag: &str) -> bool {
    tag.split('/').count() == 3
}

fn durability(durable: bool) -> &'static str {
    if durable { "durable" } else { "transient" }
}

#[cfg(test)]
mod tests;
