//! What must be on the stack's broker: vhost, exchanges, queues, policies and users, as the contract has them.

use std::time::Duration;

use ping_contract::{
    topology::Desired,
    users::{Role, User},
};

pub use super::connections::MANAGED_VHOST;
use crate::{
    controller::{
        secrets::{self, BROKER_ADMIN, BROKER_ROLES, BrokerUsers, StackSecrets},
        validate::{BrokerTarget, ValidatedStack},
    },
    names::{Slot, StackId},
};

/// What must be on the broker, and how to reach its management API.
#[derive(Debug, Clone)]
pub struct BrokerTopology {
    /// Which brokers there are, where and as whom they are asked.
    pub target: Target,
    /// What must be there.
    pub desired: Desired,
    /// How many members each queue must have; `None` on a broker that is not ours.
    pub members: Option<i32>,
    /// The users of the rotation before, to be deleted once nobody is connected as one of them.
    pub retiring_users: Vec<String>,
}

/// The brokers of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The stack's own, by ordinal. Each is asked by the name of its pod: the Service may hold a node of another cluster.
    Managed(Vec<BrokerNode>),
    /// Brokers of others, behind one address.
    External(Management),
}

/// A broker of the stack's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerNode {
    /// The name of its pod.
    pub pod: String,
    /// Its name in the cluster, `rabbit@…`.
    pub node: String,
    /// Its own management API.
    pub management: Management,
}

/// All that a stack's status says of an external broker that cannot be used. Whoever may write a PingStack chooses the address,
/// and must not learn from the operator what is there.
pub const EXTERNAL_UNUSABLE: &str = "the external broker's management API cannot be used: check managementUrl (host and port \
     only, and a host that the operator may connect to), and the user name and password in the Secret of adminSecretRef; the \
     operator's log says more";

/// Whose brokers they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The stack's: their addresses are the operator's own work.
    Stack,
    /// Somebody else's: whoever may write a PingStack chose the address.
    Other,
}

/// The management API.
#[derive(Clone, PartialEq, Eq)]
pub struct Management {
    /// Whose broker it is.
    pub owner: Owner,
    /// `http(s)://host:port`.
    pub url: String,
    /// The administrator.
    pub username: String,
    /// Its password.
    pub password: String,
    /// PEM of the authority that signed its certificate; `None` means the public ones.
    pub ca: Option<Vec<u8>>,
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Management").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The management API of one of a stack's own brokers.
#[must_use]
pub fn managed_url(id: &StackId, ordinal: i32) -> String {
    format!("http://{}.svc:15672", id.broker_host(ordinal))
}

pub(super) fn build(stack: &ValidatedStack, secrets: &StackSecrets) -> BrokerTopology {
    let (target, vhost, members) = broker(stack, secrets);
    let ttl = u64::try_from(stack.spec.login.code_ttl_seconds).unwrap_or_default();
    let mut desired = Desired::new(vhost, Duration::from_secs(ttl)).owned_by(&stack.owner_tag);
    for users in [Some(&secrets.broker_users), secrets.retiring.as_ref()].into_iter().flatten() {
        for role in BROKER_ROLES {
            desired = desired.with_user(user(stack, users, role));
        }
    }
    let names = |slot: Slot| BROKER_ROLES.map(|role| stack.id.broker_user(role.name(), slot)).to_vec();
    BrokerTopology {
        target,
        desired,
        members,
        retiring_users: secrets.retiring.as_ref().map(|users| names(users.slot)).unwrap_or_default(),
    }
}

fn broker(stack: &ValidatedStack, secrets: &StackSecrets) -> (Target, String, Option<i32>) {
    match &stack.broker {
        BrokerTarget::Managed(spec) => {
            let nodes = (0..spec.replicas).map(|ordinal| node(&stack.id, ordinal, secrets)).collect();
            (Target::Managed(nodes), MANAGED_VHOST.to_owned(), Some(spec.replicas))
        }
        BrokerTarget::External(broker) => {
            let management = Management {
                owner: Owner::Other,
                url: broker.spec.management_url.trim_end_matches('/').to_owned(),
                username: broker.username.clone(),
                password: broker.password.clone(),
                ca: broker.ca.clone(),
            };
            (Target::External(management), broker.spec.vhost.clone(), None)
        }
    }
}

fn node(id: &StackId, ordinal: i32, secrets: &StackSecrets) -> BrokerNode {
    let password = secrets.broker.as_ref().map(|secret| secrets::text(secret, "password"));
    let management = Management {
        owner: Owner::Stack,
        url: managed_url(id, ordinal),
        username: BROKER_ADMIN.to_owned(),
        password: password.unwrap_or_default(),
        ca: None,
    };
    BrokerNode { pod: id.broker_pod(ordinal), node: id.broker_node(ordinal), management }
}

fn user(stack: &ValidatedStack, users: &BrokerUsers, role: Role) -> User {
    User {
        name: stack.id.broker_user(role.name(), users.slot),
        role,
        password: secrets::text(&users.secret, &secrets::password_key(role.name())),
        salt: secrets::salt(&users.secret, &secrets::salt_key(role.name())),
    }
}
