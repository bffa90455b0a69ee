//! Exchanges, queues, bindings and policies as data: what must exist on the broker before the services start.
//!
//! The services only look (passive declares); `ping-topology` and the operator apply it, both through
//! [`crate::topology_plan`]. Everything that can be a policy is one, because a policy can be changed and an argument cannot:
//! a client that declares `send-otp` as `{durable: true}` must go on being accepted.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use crate::queues::{MAIL_EXCHANGE, MAIL_QUEUE, PARKING_QUEUE, RETRY_EXCHANGE, RetryTier};
use crate::users::{Permissions, User};

/// How many messages each queue takes before it refuses more.
pub const MAX_LENGTH: u64 = 100_000;

/// How long a parked message is kept.
pub const PARKING_TTL: Duration = Duration::from_hours(7 * 24);

/// The priority of our policies: only one policy applies to a queue, and a catch-all of the broker's owner, usually
/// priority 0, must not displace ours.
pub const POLICY_PRIORITY: i64 = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vhost {
    pub name: String,
    /// What a queue declared without a type becomes: `quorum`. Set when the vhost is made, and changed only
    /// [for the original](Desired::for_original).
    pub default_queue_type: String,
    /// The tag of who owns it, `<cluster>/<namespace>/<name>`; `None` where no operator is.
    pub owner: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub name: String,
    /// `direct`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it survives a restart of the broker.
    pub durable: bool,
}

/// Arguments of a queue, or the definition of a policy.
pub type Arguments = BTreeMap<String, Value>;

/// A queue. Arguments can never be changed, so there is only the type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    pub name: String,
    /// Whether it survives a restart of the broker.
    pub durable: bool,
    /// `x-queue-type` alone.
    pub arguments: Arguments,
}

/// A binding of a queue to an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    #[serde(rename = "source")]
    pub exchange: String,
    #[serde(rename = "destination")]
    pub queue: String,
    /// The routing key: the queue's name.
    pub routing_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name, `ping.` and the queue's.
    pub name: String,
    /// Matches one queue.
    pub pattern: String,
    /// `quorum_queues`.
    #[serde(rename = "apply-to")]
    pub apply_to: String,
    /// The highest one that matches wins.
    pub priority: i64,
    /// The settings.
    pub definition: Arguments,
}

/// All that must exist on the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Desired {
    /// The vhost that holds all of it.
    pub vhost: Vhost,
    /// Whether the vhost's default queue type may be changed, so that the original's services can declare `send-otp`.
    pub for_original: bool,
    /// In order of creation, as everything here.
    pub exchanges: Vec<Exchange>,
    pub queues: Vec<Queue>,
    pub bindings: Vec<Binding>,
    pub policies: Vec<Policy>,
    /// Users to create or correct; others are left alone.
    pub users: Vec<User>,
    /// The users' permissions on the vhost.
    pub permissions: Vec<Permissions>,
}

impl Desired {
    /// The topology on `vhost`, without users.
    #[must_use]
    pub fn new(vhost: impl Into<String>) -> Self {
        let queue_names =
            [MAIL_QUEUE].into_iter().chain(RetryTier::ALL.map(RetryTier::queue_name)).chain([PARKING_QUEUE]);
        Self {
            vhost: Vhost { name: vhost.into(), default_queue_type: "quorum".to_owned(), owner: None },
            for_original: false,
            exchanges: [MAIL_EXCHANGE, RETRY_EXCHANGE].map(direct_exchange).to_vec(),
            queues: queue_names.clone().map(quorum_queue).collect(),
            bindings: queue_names.map(binding).collect(),
            policies: policies(),
            users: Vec::new(),
            permissions: Vec::new(),
        }
    }

    /// Lets the original's services use the vhost: they declare `send-otp` without a type.
    #[must_use]
    pub fn for_original(mut self) -> Self {
        self.for_original = true;
        self
    }

    /// Adds a user with its permissions on the vhost.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.permissions.push(user.role.permissions(&user.name));
        self.users.push(user);
        self
    }

    /// Claims the vhost for `owner`: a vhost with another owner's tag is a conflict.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.vhost.owner = Some(owner.into());
        self
    }
}

fn direct_exchange(name: &str) -> Exchange {
    Exchange { name: name.to_owned(), kind: "direct".to_owned(), durable: true }
}

fn quorum_queue(name: &str) -> Queue {
    let arguments = Arguments::from([("x-queue-type".to_owned(), json!("quorum"))]);
    Queue { name: name.to_owned(), durable: true, arguments }
}

fn binding(queue: &str) -> Binding {
    let exchange = if queue == MAIL_QUEUE { MAIL_EXCHANGE } else { RETRY_EXCHANGE };
    Binding { exchange: exchange.to_owned(), queue: queue.to_owned(), routing_key: queue.to_owned() }
}

fn policies() -> Vec<Policy> {
    // No life of its own: user-service gives each of its messages one, and other publishers' events do not expire with codes.
    let mut policies = vec![policy(MAIL_QUEUE, &[])];
    for tier in RetryTier::ALL {
        // At least once: else a message whose target is missing for a moment is gone (seen on RabbitMQ 4.0.5).
        let back = [
            message_ttl(tier.delay()),
            ("dead-letter-exchange", json!("")),
            ("dead-letter-routing-key", json!(MAIL_QUEUE)),
            ("dead-letter-strategy", json!("at-least-once")),
        ];
        policies.push(policy(tier.queue_name(), &back));
    }
    policies.push(policy(PARKING_QUEUE, &[message_ttl(PARKING_TTL)]));
    policies
}

fn message_ttl(life: Duration) -> (&'static str, Value) {
    ("message-ttl", json!(u64::try_from(life.as_millis()).unwrap_or(u64::MAX)))
}

/// What every queue has, and `more`. No broker dead letters from [`MAIL_QUEUE`]: they would carry code and address.
fn policy(queue: &str, more: &[(&str, Value)]) -> Policy {
    let common = [
        ("overflow", json!("reject-publish")),
        ("max-length", json!(MAX_LENGTH)),
        // RabbitMQ 4 drops after 20 deliveries unless told otherwise; mail-service parks instead.
        ("delivery-limit", json!(-1)),
    ];
    let definition = common.iter().chain(more).map(|(key, value)| ((*key).to_owned(), value.clone()));
    Policy {
        name: format!("ping.{queue}"),
        pattern: format!("^{}$", queue.replace('.', "\\.")),
        apply_to: "quorum_queues".to_owned(),
        priority: POLICY_PRIORITY,
        definition: definition.collect(),
    }
}

#[cfg(test)]
mod tests;
