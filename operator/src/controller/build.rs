//! Step 3, pure: a validated stack → the list of everything we own, and what must be on its broker.
//!
//! One file per part or kind of object below. Manifests are written as JSON, which reads like the YAML that people
//! know; [`object`] refuses a field that the Kubernetes types do not have.

use std::{cell::RefCell, marker::PhantomData};

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::Job,
    core::v1::{ConfigMap, Secret, Service, ServiceAccount},
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
};
use pingstack_crd::{SecurityProfile, pod_template::Refused};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    autoscaling::replicas::Scaling,
    controller::{
        entropy::Entropy,
        pull_secret,
        secrets::{self, StackSecrets},
        validate::{BrokerTarget, RedisTarget, ValidatedStack},
    },
    names::{PART_LABEL, Part, StackId},
    platform::Platform,
};

pub(super) mod branding;
mod broker_repair;
pub mod broker_topology;
mod connections;
mod disruption_budgets;
mod ingress;
mod mail_sealing;
mod mail_service;
pub mod monitoring;
mod network_policies;
mod placement;
mod pod;
pub mod pod_template;
mod pod_volumes;
mod quantity;
mod rabbitmq;
mod redis;
mod synthetic_login;
pub(super) mod test_mail;
mod traces;
mod user_service;

pub use broker_repair::{BrokerRepair, LostBroker};
pub use broker_topology::BrokerTopology;
pub use pod_volumes::DATA_CLAIM;

/// A manifest that the Kubernetes types do not agree with: a mistake in a builder, found by its tests.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not of the type.
    #[error("a manifest of kind {kind} cannot be built")]
    Shape {
        /// The kind.
        kind: &'static str,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// A field that the type does not have.
    #[error("a manifest of kind {kind} has a field that the type does not have: {field}")]
    UnknownField {
        /// The kind.
        kind: &'static str,
        /// Its path.
        field: String,
    },
    /// A template of the user's that breaks what the operator, or the Pod Security Standard, needs.
    #[error(transparent)]
    PodTemplate(Refused),
}

/// The objects are built, and not yet in the cluster.
#[derive(Debug, Clone, Copy)]
pub enum Prepared {}

/// The API server has them.
#[derive(Debug, Clone, Copy)]
pub enum Applied {}

/// Every object that a stack owns, in the order in which it is applied. It is taken apart without `..`: no kind is forgotten.
#[derive(Debug, Clone)]
pub struct Resources<State> {
    /// Those that do not exist yet; created once, never applied over.
    pub missing_secrets: Vec<Secret>,
    /// A copy of the operator's for pulling images; applied over, as the operator's changes.
    pub pull_secrets: Vec<Secret>,
    /// One per part, without a token.
    pub service_accounts: Vec<ServiceAccount>,
    /// Configuration files of Redis and the broker, and the key that seals mails.
    pub config_maps: Vec<ConfigMap>,
    /// How pods find each other.
    pub services: Vec<Service>,
    /// Who may reach whom.
    pub network_policies: Vec<NetworkPolicy>,
    /// How many pods an eviction may take at a time.
    pub pod_disruption_budgets: Vec<PodDisruptionBudget>,
    /// Redis and the broker. After what they mount, else their pods start twice.
    pub stateful_sets: Vec<StatefulSet>,
    /// Both services. After the broker's topology.
    pub deployments: Vec<Deployment>,
    /// How many pods of each service.
    pub horizontal_pod_autoscalers: Vec<HorizontalPodAutoscaler>,
    /// The way in from outside.
    pub ingresses: Vec<Ingress>,
    /// The test mail, if one is wanted; created once, never applied over.
    pub jobs: Vec<Job>,
    /// Whether the API server has them.
    pub state: PhantomData<State>,
}

/// Everything that a stack is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In the cluster.
    pub resources: Resources<Prepared>,
    /// On the broker.
    pub topology: BrokerTopology,
    /// What lets a broker that lost its volume join again, where there are several.
    pub repair: Option<BrokerRepair>,
    /// The stack's own Secrets.
    pub secrets: StackSecrets,
    /// What of the templates of pods the operator did not take, in words.
    pub notes: Vec<String>,
    /// How the number of each service's pods is set.
    pub scaling: [Scaling; 2],
    /// The objects for Prometheus, where the cluster has its operator.
    pub monitoring: monitoring::Monitoring,
}

/// Builds everything. Deterministic, but for the new secret values drawn from `entropy`.
pub fn build(stack: &ValidatedStack, platform: &Platform, entropy: &Entropy) -> Result<Plan, Error> {
    let secrets = secrets::plan(stack, entropy);
    let context = Context { stack, platform, secrets: &secrets, notes: RefCell::default() };
    let mut resources = Resources {
        missing_secrets: secrets.missing.clone(),
        pull_secrets: pull_secret(stack)?.into_iter().collect(),
        service_accounts: parts(stack)
            .into_iter()
            .map(|part| service_account(&context, part))
            .collect::<Result<_, _>>()?,
        config_maps: branding::config_map(&context)?.into_iter().collect(),
        services: vec![user_service::service(&context)?],
        network_policies: network_policies::build(&context)?,
        pod_disruption_budgets: disruption_budgets::build(stack)?,
        stateful_sets: Vec::new(),
        deployments: vec![user_service::deployment(&context)?, mail_service::deployment(&context)?],
        horizontal_pod_autoscalers: [user_service::autoscaler(stack)?, mail_service::autoscaler(stack)?]
            .into_iter()
            .flatten()
            .collect(),
        ingresses: ingress::build(stack)?.into_iter().collect(),
        jobs: test_mail::job(&context)?.into_iter().collect(),
        state: PhantomData,
    };
    resources.config_maps.extend(mail_sealing::config_map(&context)?);
    resources.services.extend(monitoring::mail_service(&context)?);
    if let RedisTarget::Managed(spec) = &stack.redis {
        redis::add(&context, spec, &mut resources)?;
    }
    if let BrokerTarget::Managed(spec) = &stack.broker {
        rabbitmq::add(&context, spec, &mut resources)?;
    }
    let topology = broker_topology::build(stack, &secrets);
    let repair = match &stack.broker {
        BrokerTarget::Managed(spec) => broker_repair::build(&context, spec, &topology.target),
        BrokerTarget::External(_) => None,
    };
    let scaling = [
        Scaling::of_user_service(&stack.spec.user_service),
        Scaling::of_mail_service(&stack.spec.mail_service.autoscaling),
    ];
    let (monitoring, notes) = (monitoring::build(&context)?, context.notes.take());
    Ok(Plan { resources, topology, repair, secrets, notes, scaling, monitoring })
}

/// What every builder reads.
struct Context<'a> {
    stack: &'a ValidatedStack,
    platform: &'a Platform,
    secrets: &'a StackSecrets,
    /// Becomes [`Plan::notes`].
    notes: RefCell<Vec<String>>,
}

impl Context<'_> {
    /// Whether users and groups are left to the cluster.
    fn leaves_users_out(&self) -> bool {
        let own = self.stack.spec.security_profile;
        let profile = if own == SecurityProfile::Auto { self.platform.security_profile } else { own };
        profile == SecurityProfile::OpenShift
    }
}

/// The parts that run in this stack.
#[must_use]
pub fn parts(stack: &ValidatedStack) -> Vec<Part> {
    let runs = |part: &Part| match part {
        Part::Redis => matches!(stack.redis, RedisTarget::Managed(_)),
        Part::RabbitMq => matches!(stack.broker, BrokerTarget::Managed(_)),
        Part::UserService | Part::MailService => true,
    };
    Part::ALL.into_iter().filter(runs).collect()
}

/// The port of probes, reports and metrics in the pods of a part; `None` for servers.
#[must_use]
pub const fn management_port(part: Part) -> Option<u16> {
    match part {
        Part::UserService => Some(user_service::PORTS[1].1),
        Part::MailService => Some(mail_service::MANAGEMENT_PORT),
        Part::Redis | Part::RabbitMq => None,
    }
}

/// The typed form of a manifest.
fn object<T: DeserializeOwned + Serialize + k8s_openapi::Resource>(manifest: Value) -> Result<T, Error> {
    let kind = T::KIND;
    let written = without_nulls(manifest);
    let object = T::deserialize(&written).map_err(|source| Error::Shape { kind, source })?;
    let read = serde_json::to_value(&object).map_err(|source| Error::Shape { kind, source })?;
    match lost_field(&written, &read) {
        Some(field) => Err(Error::UnknownField { kind, field }),
        None => Ok(object),
    }
}

/// The path of the first field that was written and is not in what was read: a name unknown to the type vanishes silently.
fn lost_field(written: &Value, read: &Value) -> Option<String> {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => written.iter().find_map(|(name, value)| {
            let rest = read.get(name).map_or_else(|| Some(String::new()), |read| lost_field(value, read));
            rest.map(|rest| format!(".{name}{rest}"))
        }),
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => {
            let mut pairs = written.iter().zip(read).enumerate();
            pairs
                .find_map(|(n, (written, read))| lost_field(written, read).map(|rest| format!("[{n}]{rest}")))
        }
        (written, read) => (written != read).then(String::new),
    }
}

/// Builders write `null` for what is absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let present = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(present.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Name, namespace, labels and owner of an object of a part.
fn metadata(id: &StackId, part: Part, name: &str) -> Value {
    json!({
        "name": name,
        "namespace": id.namespace,
        "labels": id.labels(part),
        "ownerReferences": [id.owner_reference()],
    })
}

fn pull_secret(stack: &ValidatedStack) -> Result<Option<Secret>, Error> {
    let Some(config) = &stack.pull_secret else { return Ok(None) };
    let id = &stack.id;
    let mut metadata = metadata(id, Part::UserService, &id.pull_secret());
    metadata["labels"][PART_LABEL] = json!("pull");
    object(json!({
        "metadata": metadata,
        "type": "kubernetes.io/dockerconfigjson",
        "data": { pull_secret::KEY: config },
    }))
    .map(Some)
}

fn service_account(context: &Context<'_>, part: Part) -> Result<ServiceAccount, Error> {
    let id = &context.stack.id;
    let mut metadata = metadata(id, part, &id.part(part));
    metadata["annotations"] = pod_template::service_account_annotations(context, part).into();
    object(json!({
        "metadata": metadata,
        "automountServiceAccountToken": false,
    }))
}

#[cfg(test)]
mod tests;
