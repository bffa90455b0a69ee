//! The names of everything that is made from a stack, and the labels that find it again.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference};
use pingstack_crd::versions::API_VERSION;

mod annotations;

pub use annotations::{
    ROTATE_ANNOTATION, ROTATE_MAIL_KEYS_ANNOTATION, ROTATE_PEPPER_ANNOTATION, ROTATE_SIGNING_KEY_ANNOTATION,
    ROTATION_ANNOTATION, SIGN_IN_ANNOTATION,
};

/// Who applies; the one field manager, and the value of `app.kubernetes.io/managed-by`.
pub const MANAGER: &str = "ping-operator";

/// The label that names who applies.
const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// The label that names the stack.
pub const STACK_LABEL: &str = "pingstack.dev/stack";

/// The label that names the part.
pub const PART_LABEL: &str = "pingstack.dev/part";

/// The label on the pods of brokers: the Service for clients selects those where its value is `true`.
pub const SERVING_LABEL: &str = "pingstack.dev/serving";

/// The value of [`PART_LABEL`] on pods that send a test mail: no Service, budget or autoscaler counts them.
pub const TEST_MAIL: &str = "test-mail";

/// The value of [`PART_LABEL`] on pods that let brokers forget one that lost its volume.
pub const BROKER_REPAIR: &str = "broker-repair";

/// The annotation on a pod template: a hash of the configuration and secrets that its processes read at start.
pub const CONFIG_HASH_ANNOTATION: &str = "pingstack.dev/config-hash";

/// The annotation on a Deployment of user-service: the number of pods that the spec asks for, such as `2`, or the bounds
/// within which it is scaled, such as `2-10`.
pub const REPLICAS_ANNOTATION: &str = "pingstack.dev/replicas";

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
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The suffix of Secret and user names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

fn label<'a>(object: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    object.labels.as_ref()?.get(name).map(String::as_str)
}

/// Which stack, and its uid: an object is ours only if the uid is in its owner references.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

impl StackId {
    /// The stack whose metadata this is; `None` without a name, namespace or uid, as in an object that no API server stores.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Option<Self> {
        Some(Self {
            namespace: metadata.namespace.clone()?,
            name: metadata.name.clone()?,
            uid: metadata.uid.clone()?,
        })
    }

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

    /// The copy of the operator's secrets for pulling images.
    #[must_use]
    pub fn pull_secret(&self) -> String {
        format!("{}-pull", self.name)
    }

    /// `<stack>-mail-<hash>`: a copy of the templates of mails, by a hash of its content.
    #[must_use]
    pub fn mail_copy(&self, hash: &str) -> String {
        format!("{}-mail-{hash}", self.name)
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

    /// The Secret with the secret that users' ids follow from.
    #[must_use]
    pub fn user_ids_secret(&self) -> String {
        format!("{}-user-ids", self.name)
    }

    /// The Secret with the private keys that open sealed mails, for mail-service alone.
    #[must_use]
    pub fn mail_keys_secret(&self) -> String {
        format!("{}-mail-keys", self.name)
    }

    /// The ConfigMap with the public key that user-service seals mails under.
    #[must_use]
    pub fn mail_seal_key(&self) -> String {
        format!("{}-mail-seal-key", self.name)
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
            (MANAGED_BY_LABEL, MANAGER),
        ];
        labels.extend(common.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        labels
    }

    /// The owner reference in everything made from the stack.
    #[must_use]
    pub fn owner_reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: API_VERSION.to_owned(),
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

    /// Whether an object was made for a stack of this name, and belongs to nobody: what a deleted stack left behind.
    #[must_use]
    pub fn inherits(&self, object: &ObjectMeta) -> bool {
        self.belongs_to_nobody(object)
            && label(object, STACK_LABEL) == Some(self.name.as_str())
            && label(object, MANAGED_BY_LABEL) == Some(MANAGER)
    }

    /// Whether an object with a name of this stack's may become its own. Without our labels, the field manager tells that the
    /// operator wrote it.
    #[must_use]
    pub fn may_adopt(&self, object: &ObjectMeta) -> bool {
        let writes = |fields: &ManagedFieldsEntry| fields.manager.as_deref() == Some(MANAGER);
        let is_written_by_us = object.managed_fields.iter().flatten().any(writes);
        let of_another = label(object, STACK_LABEL).is_some_and(|stack| stack != self.name);
        self.inherits(object) || self.belongs_to_nobody(object) && is_written_by_us && !of_another
    }

    fn belongs_to_nobody(&self, object: &ObjectMeta) -> bool {
        object.namespace.as_deref() == Some(self.namespace.as_str())
            && object.deletion_timestamp.is_none()
            && object.owner_references.as_ref().is_none_or(Vec::is_empty)
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
