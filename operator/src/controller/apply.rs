//! Step 4, writes: the built objects into the cluster, in order, and what nobody needs any more out of it.
//!
//! Server-side apply with one field manager. An object that exists without our owner uid is somebody else's: a forced
//! apply would seize it, and its deletion would follow the stack's. Such an object is left alone and reported.

use std::{marker::PhantomData, sync::Arc};

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    batch::v1::Job,
    core::v1::{Secret, Service},
};
use kube::{Api, ResourceExt as _, runtime::reflector::ObjectRef};

use super::Context;
use crate::{
    autoscaling::replicas,
    children::ChildKind,
    controller::{
        brokers::{self, members::Brokers},
        build::{BrokerRepair, Plan, Prepared, Resources, broker_topology::Target},
        conditions::{Finding, Problem},
        lost_volumes, monitoring,
        topology::{self, TopologyState},
    },
    crd::{services::Autoscaling, status::PingStackStatus},
    names::{Part, StackId},
};

mod brokers_apart;
mod budgets;
mod delete_pod;
mod object;
mod orphans;
mod restart;
mod retire;
mod stuck_pods;

pub use brokers_apart::ApartSince;
pub use object::Memo;

/// Writing failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object could not be applied.
    #[error("the {kind} {name} cannot be applied")]
    Apply {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// An object could not be deleted.
    #[error("the {kind} {name} cannot be deleted")]
    Delete {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The brokers' volumes.
    #[error("the brokers cannot be compared with their volumes")]
    LostVolumes(#[source] lost_volumes::Error),
    /// What is created once is there already: our cache is behind, and the next try finds it.
    #[error("the {kind} {name} was created a moment ago, reading it again")]
    Exists {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

impl Error {
    /// What the API server said, for a person; `None` when it did not answer.
    #[must_use]
    pub fn api_message(&self) -> Option<(&str, u16)> {
        match self {
            Self::Apply { source: kube::Error::Api(status), .. }
            | Self::Delete { source: kube::Error::Api(status), .. }
            | Self::LostVolumes(
                lost_volumes::Error::Volumes(kube::Error::Api(status))
                | lost_volumes::Error::Remember(kube::Error::Api(status)),
            ) => Some((&status.message, status.code)),
            _ => None,
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Redis and the broker, as the cluster has them.
    pub stateful_sets: Vec<Arc<StatefulSet>>,
    /// Both services, as the cluster has them.
    pub deployments: Vec<Arc<Deployment>>,
    /// The test mail, as the cluster has it.
    pub test_mail: Option<Arc<Job>>,
    /// Objects of others that stand where ours belong: `Service demo-redis`.
    pub conflicts: Vec<String>,
    /// What each of the stack's own brokers says of its cluster.
    pub brokers: Brokers,
    /// What became of the broker's topology.
    pub topology: TopologyState,
    /// What is wrong with a broker's volume, if something is.
    pub broker_problem: Option<Problem>,
    /// Which volumes the brokers are members with could not be recorded yet.
    pub volumes_unrecorded: bool,
    /// What became of the monitoring, if some is wanted.
    pub monitoring: Option<Finding>,
}

/// Applies everything.
pub async fn apply(context: &Context, id: &StackId, plan: Plan) -> Result<Outcome, Error> {
    let mut kept = orphans::Kept::of(&plan);
    let Plan { resources, topology, repair, secrets, autoscaling, monitoring } = plan;
    let Resources {
        missing_secrets,
        service_accounts,
        config_maps,
        mut services,
        network_policies,
        mut pod_disruption_budgets,
        stateful_sets,
        mut deployments,
        horizontal_pod_autoscalers,
        ingresses,
        jobs,
        state: PhantomData::<Prepared>,
    } = resources;
    let mut applier = Applier { context, id, conflicts: Vec::new() };
    let brokers_run = cached::<StatefulSet>(context, id, &id.part(Part::RabbitMq)).is_some();
    let new_cookie = applier.create_secrets(missing_secrets).await?;
    applier.apply_all(service_accounts).await?;
    applier.apply_all(config_maps).await?;
    applier.choose_brokers(&mut services);
    applier.apply_all(services).await?;
    applier.apply_all(network_policies).await?;
    let servers =
        [Part::Redis, Part::RabbitMq].map(|part| cached::<StatefulSet>(context, id, &id.part(part)));
    budgets::loosen(&mut pod_disruption_budgets, id, servers.iter().flatten().map(AsRef::as_ref));
    applier.apply_all(pod_disruption_budgets).await?;
    let stateful_sets = applier.apply_all(stateful_sets).await?;
    if new_cookie && brokers_run {
        restart::brokers(context, id).await?;
    }
    stuck_pods::delete(context, id, &stateful_sets).await?;
    let brokers = ask_brokers(context, id, &topology.target, &stateful_sets).await;
    brokers::serving::mark(context, id, &brokers).await;
    brokers_apart::restart(context, id, &brokers).await?;
    let state = topology::reconcile(context, id, &topology, &brokers).await;
    let seen = lost_volumes::Seen { stateful_sets: &stateful_sets, brokers: &brokers };
    let healing = Box::pin(applier.heal(repair.as_ref(), seen, &mut kept)).await?;
    applier.hand_over_replicas(&mut deployments, &autoscaling).await?;
    let deployments = applier.apply_all(deployments).await?;
    applier.apply_all(horizontal_pod_autoscalers).await?;
    applier.apply_all(ingresses).await?;
    let test_mail = Box::pin(applier.create_jobs(jobs)).await?;
    let monitoring =
        monitoring::reconcile(&context.client, &context.absent_monitoring, id, &monitoring).await;
    orphans::delete(context, id, &kept).await?;
    let retiring = retire::Retiring {
        users: secrets.retiring.as_ref(),
        topology: &topology,
        brokers: &brokers,
        state: &state,
        deployments: &deployments,
    };
    retire::old_broker_users(context, id, &retiring).await?;
    Ok(Outcome {
        stateful_sets,
        deployments,
        test_mail,
        conflicts: applier.conflicts,
        brokers,
        topology: state,
        broker_problem: healing.problem,
        volumes_unrecorded: healing.unrecorded,
        monitoring,
    })
}

/// Brokers of the stack's own answer only once a pod is ready.
async fn ask_brokers(
    context: &Context,
    id: &StackId,
    target: &Target,
    stateful_sets: &[Arc<StatefulSet>],
) -> Brokers {
    match target {
        Target::Managed(nodes) if topology::has_ready_broker(id, stateful_sets) => {
            brokers::ask::ask(&context.broker_connections, nodes).await
        }
        Target::Managed(_) | Target::External(_) => Brokers::default(),
    }
}

/// Looks without touching: for a paused stack. The broker is not asked, its last known state is carried on.
#[must_use]
pub fn look(context: &Context, id: &StackId, before: Option<&PingStackStatus>) -> Outcome {
    let queue = before.and_then(|status| status.queue.clone());
    Outcome {
        stateful_sets: Part::ALL.iter().filter_map(|part| cached(context, id, &id.part(*part))).collect(),
        deployments: Part::ALL.iter().filter_map(|part| cached(context, id, &id.part(*part))).collect(),
        test_mail: None,
        conflicts: Vec::new(),
        brokers: Brokers::default(),
        topology: TopologyState::Applied(topology::Queues { mail: queue, ..topology::Queues::default() }),
        broker_problem: None,
        volumes_unrecorded: false,
        monitoring: None,
    }
}

/// Ours, as the watch has it.
fn cached<K: ChildKind>(context: &Context, id: &StackId, name: &str) -> Option<Arc<K>> {
    let cached = K::store(&context.children).get(&ObjectRef::new(name).within(&id.namespace))?;
    id.owns(cached.meta().owner_references.as_ref()).then_some(cached)
}

/// Applies objects of one stack, and remembers whose way they were in.
struct Applier<'a> {
    context: &'a Context,
    id: &'a StackId,
    conflicts: Vec<String>,
}

impl Applier<'_> {
    async fn apply_all<K: ChildKind>(&mut self, objects: Vec<K>) -> Result<Vec<Arc<K>>, Error> {
        let mut applied = Vec::with_capacity(objects.len());
        for object in objects {
            applied.extend(self.apply(object).await?);
        }
        Ok(applied)
    }

    /// The Service for clients selects brokers by a label that pods of an older template are without.
    fn choose_brokers(&self, services: &mut [Service]) {
        let name = self.id.part(Part::RabbitMq);
        let present = brokers::serving::Present {
            service: cached::<Service>(self.context, self.id, &name),
            stateful_set: cached::<StatefulSet>(self.context, self.id, &name),
            pods: self.context.children.pods.of(self.id, Part::RabbitMq),
        };
        brokers::serving::restrict(services, self.id, &present);
    }

    /// The number of mail consumers is ours only until somebody else sets it.
    async fn hand_over_replicas(
        &self,
        deployments: &mut [Deployment],
        autoscaling: &Autoscaling,
    ) -> Result<(), Error> {
        let name = self.id.part(Part::MailService);
        for deployment in deployments.iter_mut().filter(|one| one.metadata.name.as_ref() == Some(&name)) {
            let cached = cached::<Deployment>(self.context, self.id, &name);
            let api = Api::namespaced(self.context.client.clone(), &self.id.namespace);
            let handed_over =
                replicas::hand_over(&api, (self.id, autoscaling), deployment, cached.as_deref()).await;
            handed_over.map_err(|source| Error::Apply { kind: "Deployment", name: name.clone(), source })?;
        }
        Ok(())
    }

    /// Lets a broker that lost its volume join again; what is wrong until it has.
    async fn heal(
        &mut self,
        repair: Option<&BrokerRepair>,
        seen: lost_volumes::Seen<'_>,
        kept: &mut orphans::Kept,
    ) -> Result<lost_volumes::Healing, Error> {
        let Some(repair) = repair else { return Ok(lost_volumes::Healing::default()) };
        let looked = lost_volumes::look(self.context, self.id, repair, &seen).await;
        let mut healing = looked.map_err(Error::LostVolumes)?;
        kept.add(&healing.job);
        Box::pin(self.create_jobs(healing.job.take().into_iter().collect())).await?;
        Ok(healing)
    }

    /// A Job is made once: what its pods are cannot be changed, and made anew it would run again.
    async fn create_jobs(&mut self, jobs: Vec<Job>) -> Result<Option<Arc<Job>>, Error> {
        let mut present = None;
        for job in jobs {
            present = match cached::<Job>(self.context, self.id, &job.name_any()) {
                Some(job) => Some(job),
                None => self.create(job).await?.map(Arc::new),
            };
        }
        Ok(present)
    }

    /// Whether the broker's Secret, and with it the cookie that its nodes know each other by, is new.
    async fn create_secrets(&mut self, secrets: Vec<Secret>) -> Result<bool, Error> {
        let broker = self.id.part(Part::RabbitMq);
        let mut new_cookie = false;
        for secret in secrets {
            let is_broker = secret.metadata.name.as_ref() == Some(&broker);
            self.delete_incomplete(&secret).await?;
            let created = self.create(secret).await?;
            new_cookie |= is_broker && created.is_some();
        }
        Ok(new_cookie)
    }
}

#[cfg(test)]
mod tests;
