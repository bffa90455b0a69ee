//! Step 2, pure: spec and references → a stack that can be built, or what is wrong with it in words.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use ping_contract::{
    hello_name::{HelloName, HelloNameError},
    sender::{Sender, SenderError},
};
use pingstack_crd::{
    PingStack, PingStackSpec, pod_template,
    rabbitmq::{ExternalRabbitMq, ManagedRabbitMq},
    redis::{ExternalRedis, ManagedRedis},
    references::SecretKeyRef,
};
use service_kit::config::without_line_end;

use crate::{
    autoscaling::route::Route,
    controller::{
        branding::{self, Branding},
        dereference::References,
        hash::ContentHash,
    },
    names::StackId,
};

mod ports;
mod references;
mod rotations;

pub use references::{Reference, referenced_keys};
pub use rotations::Rotations;

use references::USER_ID_FIELD;

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
    /// A sender that mail-service would refuse, and end over again and again.
    #[error("smtp.from cannot be used, {0}: write it such as Ping <no-reply@example.org>")]
    Sender(SenderError),
    /// A name for `EHLO` that mail-service would refuse.
    #[error("smtp.helloName cannot be used, {0}: write it such as mail.example.org, or remove it")]
    HelloName(HelloNameError),
    /// Neither or both of managed and external; an API server with our CRD does not let it through.
    #[error("write exactly one of {part}.managed and {part}.external")]
    ManagedOrExternal {
        /// `redis` or `rabbitmq`.
        part: &'static str,
    },
    /// What is wrong with the brand of mails, or their default language.
    #[error(transparent)]
    Branding(#[from] branding::Error),
    /// A template of pods that cannot be merged into those that the operator builds.
    #[error(transparent)]
    PodTemplate(#[from] pod_template::Refused),
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
            Self::TrustedProxy
            | Self::Sender(_)
            | Self::HelloName(_)
            | Self::Branding(_)
            | Self::ManagedOrExternal { .. }
            | Self::PodTemplate(_)
            | Self::Anonymous => "InvalidSpec",
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
    /// The values of the annotations that ask for rotations.
    pub rotations: Rotations,
    /// What users' ids follow from, if the spec brings it.
    pub user_id_secret: Option<ByteString>,
    /// Passwords and URLs that end in a line break, which is left out.
    pub line_ends: Vec<Reference>,
    /// A hash of each referenced Secret's content, by the Secret's name.
    pub reference_hashes: BTreeMap<String, String>,
    /// The stack's own Secrets that exist, by name.
    pub own_secrets: BTreeMap<String, Arc<Secret>>,
    /// The operator's secrets for pulling images, as one `.dockerconfigjson`.
    pub pull_secret: Option<ByteString>,
    /// How the backlog gets to what scales the mail consumers.
    pub route: Route,
    /// What mails of the style `Branded` are made of; `None` with another style.
    pub branding: Option<Branding>,
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
    Managed(Box<ManagedRabbitMq>),
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
    let id = StackId::of(&stack.metadata).ok_or(Error::Anonymous)?;
    let spec = stack.spec.clone();
    check_proxies(&spec)?;
    Sender::parse(&spec.smtp.from).map_err(Error::Sender)?;
    if let Some(name) = &spec.smtp.hello_name {
        name.parse::<HelloName>().map_err(Error::HelloName)?;
    }
    check_references(&spec, &references)?;
    let redis = match (&spec.redis.managed, &spec.redis.external) {
        (Some(managed), None) => RedisTarget::Managed(managed.clone()),
        (None, Some(external)) => RedisTarget::External(external.clone()),
        _ => return Err(Error::ManagedOrExternal { part: "redis" }),
    };
    let broker = match (&spec.rabbitmq.managed, &spec.rabbitmq.external) {
        (Some(managed), None) => BrokerTarget::Managed(Box::new(managed.clone())),
        (None, Some(external)) => BrokerTarget::External(Box::new(external_broker(external, &references)?)),
        _ => return Err(Error::ManagedOrExternal { part: "rabbitmq" }),
    };
    Ok(ValidatedStack {
        external_ports: external_ports(&spec, &references),
        owner_tag: format!("{}/{}/{}", references.cluster_uid, id.namespace, id.name),
        rotations: Rotations::of(stack),
        user_id_secret: user_id_secret(&spec, &references)?,
        line_ends: line_ends(&spec, &references),
        reference_hashes: references
            .secrets
            .iter()
            .filter_map(|(name, secret)| Some(hash_of(name, secret.as_deref()?)))
            .collect(),
        own_secrets: references.own_secrets,
        pull_secret: references.pull_secret,
        route: references.route,
        branding: references.branding.map(|sources| branding::choose(&spec.mail, sources)).transpose()?,
        id,
        spec,
        redis,
        broker,
    })
}

fn hash_of(name: &str, secret: &Secret) -> (String, String) {
    (name.to_owned(), ContentHash::default().secret(secret).finish())
}

fn user_id_secret(spec: &PingStackSpec, references: &References) -> Result<Option<ByteString>, Error> {
    let Some(SecretKeyRef { name, key }) = &spec.users.id_secret_ref else { return Ok(None) };
    let value = references.value(&Reference::new(USER_ID_FIELD, name, key))?;
    Ok(Some(ByteString(value.to_vec())))
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

fn line_ends(spec: &PingStackSpec, references: &References) -> Vec<Reference> {
    let ends_a_line = |reference: &Reference| {
        references.value(reference).is_ok_and(|value| value.ends_with(b"\n") || value.ends_with(b"\r"))
    };
    referenced_keys(spec).into_iter().filter(Reference::is_credential).filter(ends_a_line).collect()
}

fn check_references(spec: &PingStackSpec, references: &References) -> Result<(), Error> {
    for reference in referenced_keys(spec) {
        references.value(&reference)?;
    }
    Ok(())
}

fn external_broker(spec: &ExternalRabbitMq, references: &References) -> Result<ExternalBroker, Error> {
    let admin = |key| -> Result<String, Error> {
        let reference = Reference::new("rabbitmq.external.adminSecretRef", &spec.admin_secret_ref.name, key);
        let value = references.value(&reference)?;
        Ok(without_line_end(&String::from_utf8_lossy(value)).to_owned())
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

#[cfg(test)]
mod tests;
