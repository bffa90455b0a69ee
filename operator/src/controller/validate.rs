//! Step 2, pure: spec and references → a stack that can be built, or what is wrong with it in words.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

use crate::{
    controller::{dereference::References, hash::ContentHash},
    crd::{
        PingStack, PingStackSpec,
        rabbitmq::{ExternalRabbitMq, ManagedRabbitMq},
        redis::{ExternalRedis, ManagedRedis},
        references::SecretKeyRef,
    },
    names::StackId,
};

mod ports;

/// What is wrong with a stack. The text is for its author and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A Secret that the spec names does not exist.
    #[error("{field} names the Secret {secret}, which does not exist: create it, or correct the name")]
    SecretMissing {
        /// The field of the spec.
        field: &'static str,
        /// The Secret.
        secret: String,
    },
    /// A Secret lacks a key.
    #[error(
        "{field} names the Secret {secret}, which has no key {key}: add the key, or correct the reference"
    )]
    KeyMissing {
        /// The field of the spec.
        field: &'static str,
        /// The Secret.
        secret: String,
        /// The key that is missing.
        key: String,
    },
    /// A text that is no CIDR.
    #[error("login.trustedProxies has an entry that is no CIDR: write addresses such as 10.244.0.0/16")]
    TrustedProxy,
    /// Neither or both of managed and external; an API server with our CRD does not let it through.
    #[error("write exactly one of {part}.managed and {part}.external")]
    ManagedOrExternal {
        /// `redis` or `rabbitmq`.
        part: &'static str,
    },
    /// The API server did not say what an object needs to have: a test's object, or a broken server.
    #[error("the object has no name, namespace or uid")]
    Anonymous,
}

impl Error {
    /// The reason in conditions.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::SecretMissing { .. } => "SecretMissing",
            Self::KeyMissing { .. } => "SecretIncomplete",
            Self::TrustedProxy | Self::ManagedOrExternal { .. } | Self::Anonymous => "InvalidSpec",
        }
    }
}

/// A stack that can be built: nothing in it is missing or contradictory.
#[derive(Debug, Clone)]
pub struct ValidatedStack {
    /// Which stack.
    pub id: StackId,
    /// Its spec; `redis`, `rabbitmq` are read through the two fields below.
    pub spec: PingStackSpec,
    /// Where codes live.
    pub redis: RedisTarget,
    /// The broker.
    pub broker: BrokerTarget,
    /// The ports of external servers that their URLs name.
    pub external_ports: ExternalPorts,
    /// The owner tag of its vhost: `<uid of kube-system>/<namespace>/<name>`.
    pub owner_tag: String,
    /// The value of the rotation annotation; empty without one.
    pub rotation: String,
    /// A hash of each referenced Secret's content, by the Secret's name.
    pub reference_hashes: BTreeMap<String, String>,
    /// The stack's own Secrets that exist, by name.
    pub own_secrets: BTreeMap<String, Arc<Secret>>,
}

/// Where codes live.
#[derive(Debug, Clone, PartialEq)]
pub enum RedisTarget {
    /// The stack's own.
    Managed(ManagedRedis),
    /// One that exists.
    External(ExternalRedis),
}

/// The ports that URLs in referenced Secrets name; `None` where there is no URL, or it leaves the port open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalPorts {
    /// Redis'.
    pub redis: Option<u16>,
    /// Those of all hosts in the MongoDB URI.
    pub mongo: Option<Vec<u16>>,
}

/// The broker.
#[derive(Debug, Clone, PartialEq)]
pub enum BrokerTarget {
    /// The stack's own.
    Managed(ManagedRabbitMq),
    /// One that exists.
    External(Box<ExternalBroker>),
}

/// A broker that exists, with the credentials of its administrator.
#[derive(Clone, PartialEq)]
pub struct ExternalBroker {
    /// The spec.
    pub spec: ExternalRabbitMq,
    /// The administrator.
    pub username: String,
    /// Its password.
    pub password: String,
    /// PEM of the authority that signed its certificate.
    pub ca: Option<Vec<u8>>,
}

impl std::fmt::Debug for ExternalBroker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExternalBroker").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// Checks what CEL in the CRD cannot: what the spec points at, and texts that need a parser.
pub fn validate(stack: &PingStack, references: References) -> Result<ValidatedStack, Error> {
    let id = stack_id(stack)?;
    let spec = stack.spec.clone();
    check_proxies(&spec)?;
    check_references(&spec, &references)?;
    let redis = match (&spec.redis.managed, &spec.redis.external) {
        (Some(managed), None) => RedisTarget::Managed(managed.clone()),
        (None, Some(external)) => RedisTarget::External(external.clone()),
        _ => return Err(Error::ManagedOrExternal { part: "redis" }),
    };
    let broker = match (&spec.rabbitmq.managed, &spec.rabbitmq.external) {
        (Some(managed), None) => BrokerTarget::Managed(managed.clone()),
        (None, Some(external)) => BrokerTarget::External(Box::new(external_broker(external, &references)?)),
        _ => return Err(Error::ManagedOrExternal { part: "rabbitmq" }),
    };
    Ok(ValidatedStack {
        external_ports: external_ports(&spec, &references),
        owner_tag: format!("{}/{}/{}", references.cluster_uid, id.namespace, id.name),
        rotation: stack.annotations().get(crate::names::ROTATE_ANNOTATION).cloned().unwrap_or_default(),
        reference_hashes: references
            .secrets
            .iter()
            .filter_map(|(name, secret)| Some(hash_of(name, secret.as_deref()?)))
            .collect(),
        own_secrets: references.own_secrets,
        id,
        spec,
        redis,
        broker,
    })
}

/// Which stack the object is.
pub fn stack_id(stack: &PingStack) -> Result<StackId, Error> {
    Ok(StackId {
        namespace: stack.namespace().ok_or(Error::Anonymous)?,
        name: stack.metadata.name.clone().ok_or(Error::Anonymous)?,
        uid: stack.uid().ok_or(Error::Anonymous)?,
    })
}

fn hash_of(name: &str, secret: &Secret) -> (String, String) {
    (name.to_owned(), ContentHash::default().secret(secret).finish())
}

fn external_ports(spec: &PingStackSpec, references: &References) -> ExternalPorts {
    let text = |reference: &SecretKeyRef| {
        let reference = Reference::new("", &reference.name, &reference.key);
        references.value(&reference).ok().map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let redis = spec.redis.external.as_ref().and_then(|redis| text(&redis.url_secret_ref));
    let mongo = spec.users.mongo_uri_secret_ref.as_ref().and_then(text);
    ExternalPorts {
        redis: redis.as_deref().and_then(ports::of_redis),
        mongo: mongo.as_deref().and_then(ports::of_mongo),
    }
}

fn check_proxies(spec: &PingStackSpec) -> Result<(), Error> {
    let is_cidr = |text: &String| text.parse::<ipnet::IpNet>().is_ok();
    if spec.login.trusted_proxies.iter().all(is_cidr) { Ok(()) } else { Err(Error::TrustedProxy) }
}

fn check_references(spec: &PingStackSpec, references: &References) -> Result<(), Error> {
    for reference in referenced_keys(spec) {
        references.value(&reference)?;
    }
    Ok(())
}

fn external_broker(spec: &ExternalRabbitMq, references: &References) -> Result<ExternalBroker, Error> {
    let admin = |key| {
        let reference = Reference::new("rabbitmq.external.adminSecretRef", &spec.admin_secret_ref.name, key);
        references.value(&reference).map(|value| String::from_utf8_lossy(value).trim().to_owned())
    };
    let ca = spec.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref());
    let ca = ca.map(|ca| Reference::new("rabbitmq.external.tls.caSecretRef", &ca.name, &ca.key));
    Ok(ExternalBroker {
        username: admin("username")?,
        password: admin("password")?,
        ca: ca.map(|ca| references.value(&ca).map(<[u8]>::to_vec)).transpose()?,
        spec: spec.clone(),
    })
}

/// A key of a Secret that a field of the spec points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    field: &'static str,
    /// The Secret's name.
    pub secret: String,
    key: String,
}

impl Reference {
    fn new(field: &'static str, secret: &str, key: &str) -> Self {
        Self { field, secret: secret.to_owned(), key: key.to_owned() }
    }
}

/// Every key that the spec points at.
#[must_use]
pub fn referenced_keys(spec: &PingStackSpec) -> Vec<Reference> {
    let mut keys = Vec::new();
    let mut add = |field, secret: &str, key: &str| keys.push(Reference::new(field, secret, key));
    if let Some(smtp) = &spec.smtp.credentials_secret_ref {
        add("smtp.credentialsSecretRef", &smtp.name, "EMAIL_USER");
        add("smtp.credentialsSecretRef", &smtp.name, "EMAIL_PASSWORD");
    }
    if let Some(external) = &spec.rabbitmq.external {
        add("rabbitmq.external.adminSecretRef", &external.admin_secret_ref.name, "username");
        add("rabbitmq.external.adminSecretRef", &external.admin_secret_ref.name, "password");
    }
    let redis = spec.redis.external.as_ref();
    let tls = spec.rabbitmq.external.as_ref().and_then(|external| external.tls.as_ref());
    let single = [
        ("tokens.signingKeySecretRef", spec.tokens.signing_key_secret_ref.as_ref()),
        ("tokens.jwtSecretRef", spec.tokens.jwt_secret_ref.as_ref()),
        ("smtp.caSecretRef", spec.smtp.ca_secret_ref.as_ref()),
        ("users.mongoUriSecretRef", spec.users.mongo_uri_secret_ref.as_ref()),
        ("redis.external.urlSecretRef", redis.map(|redis| &redis.url_secret_ref)),
        ("redis.external.caSecretRef", redis.and_then(|redis| redis.ca_secret_ref.as_ref())),
        ("rabbitmq.external.tls.caSecretRef", tls.and_then(|tls| tls.ca_secret_ref.as_ref())),
    ];
    for (field, reference) in single {
        if let Some(reference) = reference {
            add(field, &reference.name, &reference.key);
        }
    }
    keys
}

impl References {
    /// The value of a key that the spec points at.
    pub fn value(&self, reference: &Reference) -> Result<&[u8], Error> {
        let (field, secret) = (reference.field, reference.secret.clone());
        let Some(Some(found)) = self.secrets.get(&secret) else {
            return Err(Error::SecretMissing { field, secret });
        };
        let value =
            found.data.as_ref().and_then(|data| data.get(&reference.key)).filter(|value| !value.0.is_empty());
        value.map(|value| value.0.as_slice()).ok_or(Error::KeyMissing {
            field,
            secret,
            key: reference.key.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
