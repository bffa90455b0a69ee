//! The names of everything that is made from a stack, and the labels that find it again.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

/// Who applies; the one field manager, and the value of `app.kubernetes.io/managed-by`.
pub const MANAGER: &str = "ping-operator";

/// The label that names the stack.
pub const STACK_LABEL: &str = "pingstack.dev/stack";

/// The label that names the part.
pub const PART_LABEL: &str = "pingstack.dev/part";

/// The label on the pods of brokers: the Service for clients selects those where its value is `true`.
pub const SERVING_LABEL: &str = "pingstack.dev/serving";

/// The annotation on a stack whose change rotates the broker's passwords.
pub const ROTATE_ANNOTATION: &str = "pingstack.dev/rotate-broker-passwords";

/// The annotation on a Secret of broker passwords: the value of [`ROTATE_ANNOTATION`] that it was made for.
pub const ROTATION_ANNOTATION: &str = "pingstack.dev/rotation";

/// The value of [`PART_LABEL`] on pods that send a test mail: no Service, budget or autoscaler counts them.
pub const TEST_MAIL: &str = "test-mail";

/// The value of [`PART_LABEL`] on pods that let brokers forget one that lost its volume.
pub const BROKER_REPAIR: &str = "broker-repair";

/// The annotation on a pod template: a hash of the configuration and secrets that its processes read at start.
pub const CONFIG_HASH_ANNOTATION: &str = "pingstack.dev/config-hash";

/// The selector of everything the operator makes.
pub const OWN_SELECTOR: &str = "app.kubernetes.io/managed-by=ping-operator";

/// A part of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Where codes live.
    Redis,
    /// The broker.
    RabbitMq,
    /// The HTTP service.
    UserService,
    /// The mail consumers.
    MailService,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 4] = [Self::Redis, Self::RabbitMq, Self::UserService, Self::MailService];

    /// The name in labels, and the suffix in names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::RabbitMq => "rabbitmq",
            Self::UserService => "user-service",
            Self::MailService => "mail-service",
        }
    }
}

/// One of the two generations of broker users that rotation alternates between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The suffix of Secret and user names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Which stack, and its uid: an object is ours only if the uid is in its owner references.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl StackId {
    /// `<stack>-<part>`: workload, Service, ServiceAccount and NetworkPolicy of a part.
    #[must_use]
    pub fn part(&self, part: Part) -> String {
        format!("{}-{}", self.name, part.name())
    }

    /// The headless Service of the brokers.
    #[must_use]
    pub fn broker_nodes(&self) -> String {
        format!("{}-rabbitmq-nodes", self.name)
    }

    /// The pod of a broker.
    #[must_use]
    pub fn broker_pod(&self, ordinal: i32) -> String {
        format!("{}-{ordinal}", self.part(Part::RabbitMq))
    }

    /// The host name of a broker's pod in the stack's cluster, ready or not.
    #[must_use]
    pub fn broker_host(&self, ordinal: i32) -> String {
        format!("{}.{}.{}", self.broker_pod(ordinal), self.broker_nodes(), self.namespace)
    }

    /// The name of a broker among its cluster's nodes.
    #[must_use]
    pub fn broker_node(&self, ordinal: i32) -> String {
        format!("rabbit@{}", self.broker_host(ordinal))
    }

    /// `<stack>-test-mail`: the NetworkPolicy of those pods, and the beginning of the name of what makes them.
    #[must_use]
    pub fn test_mail(&self) -> String {
        format!("{}-{TEST_MAIL}", self.name)
    }

    /// Labels that select the pods that send a test mail.
    #[must_use]
    pub fn test_mail_selector(&self) -> BTreeMap<String, String> {
        self.selector_of(TEST_MAIL)
    }

    /// `<stack>-broker-repair`: the NetworkPolicy of those pods, and the beginning of the name of what makes them.
    #[must_use]
    pub fn broker_repair(&self) -> String {
        format!("{}-{BROKER_REPAIR}", self.name)
    }

    /// Labels that select the pods that let brokers forget one.
    #[must_use]
    pub fn broker_repair_selector(&self) -> BTreeMap<String, String> {
        self.selector_of(BROKER_REPAIR)
    }

    /// The Secret with a slot's broker passwords.
    #[must_use]
    pub fn broker_users_secret(&self, slot: Slot) -> String {
        format!("{}-broker-users-{}", self.name, slot.name())
    }

    /// A broker user. Users are global to a broker, so the name says whose it is.
    #[must_use]
    pub fn broker_user(&self, role: &str, slot: Slot) -> String {
        format!("{}.{}.{role}.{}", self.namespace, self.name, slot.name())
    }

    /// Labels that select the pods of a part, and never change.
    #[must_use]
    pub fn selector(&self, part: Part) -> BTreeMap<String, String> {
        self.selector_of(part.name())
    }

    /// Labels that select pods by the value of [`PART_LABEL`].
    fn selector_of(&self, part: &str) -> BTreeMap<String, String> {
        let labels = [(STACK_LABEL, self.name.as_str()), (PART_LABEL, part)];
        labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// All labels of an object that belongs to a part.
    #[must_use]
    pub fn labels(&self, part: Part) -> BTreeMap<String, String> {
        let mut labels = self.selector(part);
        let common = [
            ("app.kubernetes.io/name", part.name()),
            ("app.kubernetes.io/instance", &self.name),
            ("app.kubernetes.io/part-of", "ping"),
            ("app.kubernetes.io/managed-by", MANAGER),
        ];
        labels.extend(common.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        labels
    }

    /// The owner reference in everything made from the stack.
    #[must_use]
    pub fn owner_reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: "pingstack.dev/v1alpha1".to_owned(),
            kind: "PingStack".to_owned(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }

    /// Whether this stack is among an object's owners.
    #[must_use]
    pub fn owns(&self, owners: Option<&Vec<OwnerReference>>) -> bool {
        owners.is_some_and(|owners| owners.iter().any(|owner| owner.uid == self.uid))
    }

    /// Whether an object is in this stack's namespace, its own, and not being deleted. Copies nothing: each reconcile
    /// asks it of every object of every stack (with copies a tenth of all processor time, a hundred stacks at rest).
    #[must_use]
    pub fn holds(&self, object: &ObjectMeta) -> bool {
        object.namespace.as_deref() == Some(self.namespace.as_str())
            && object.deletion_timestamp.is_none()
            && self.owns(object.owner_references.as_ref())
    }
}
