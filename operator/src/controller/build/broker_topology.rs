//! What must be on the stack's broker: vhost, exchanges, queues, policies and users, as the contract has them.

use ping_contract::{
    topology::Desired,
    users::{Role, User},
};

use crate::{
    broker_connections::{BrokerAccess, MANAGED_VHOST, Owner, managed_url},
    controller::{
        secrets::{BROKER_ADMIN, BROKER_ROLES, BrokerUsers, StackSecrets},
        validate::{BrokerTarget, ValidatedStack},
    },
    names::{Slot, StackId},
    secret_values::{password_key, salt, salt_key, text},
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
    External(BrokerAccess),
}

/// A broker of the stack's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerNode {
    /// The name of its pod.
    pub pod: String,
    /// Its name in the cluster, `rabbit@…`.
    pub node: String,
    /// Its own management API.
    pub management: BrokerAccess,
}

pub(super) fn build(stack: &ValidatedStack, secrets: &StackSecrets) -> BrokerTopology {
    let (target, vhost, members) = broker(stack, secrets);
    let mut desired = Desired::new(vhost).owned_by(&stack.owner_tag);
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
            let management = BrokerAccess {
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
    let password = secrets.broker.as_ref().map(|secret| text(secret, "password"));
    let management = BrokerAccess {
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
        password: text(&users.secret, &password_key(role.name())),
        salt: salt(&users.secret, &salt_key(role.name())),
    }
}
