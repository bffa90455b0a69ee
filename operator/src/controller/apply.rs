//! Step 4, writes: the built objects into the cluster, in order, and what nobody needs any more out of it.
//!
//! Server-side apply with one field manager. An object that exists without our owner uid is somebody else's: a forced
//! apply would seize it, and its deletion would follow the stack's. Such an object is left alone and reported.

use std::{marker::PhantomData, sync::Arc};

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    batch::v1::Job,
    core::v1::Service,
};
use kube::{ResourceExt as _, runtime::reflector::ObjectRef};

use super::Context;
use crate::{
    autoscaling::replicas::{self, Scaling},
    conditions::Finding,
    controller::{
        brokers::{self, members::Brokers},
        build::{BrokerRepair, Plan, Prepared, Resources, broker_topology::Target},
        findings::Problem,
        lost_volumes, monitoring,
        topology::{self, TopologyState},
    },
    events::Creations,
    names::{Part, StackId},
    watches::ChildKind,
};

mod budgets;
mod delete_pod;
mod drift;
mod mail_copies;
mod mail_keys;
mod object;
mod orphans;
mod own_secrets;
mod partitioned_brokers;
mod reclaim;
mod restart;
mod retire;
mod stuck_pods;

pub use object::Memo;
pub use partitioned_brokers::ApartSince;

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
    /// A Secret is not what the cache has: the next try reads it again.
    #[error("the Secret {0} was changed a moment ago, reading it again")]
    Changed(String),
    /// What is created once is there already: the cache is behind, or has it only now that it has its label again.
    #[error("the {kind} {name} exists already, reading it again")]
    Exists {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

impl Error {
    /// Whether the next try finds what this one did not: nothing is wrong with the stack.
    #[must_use]
    pub const fn is_race(&self) -> bool {
        matches!(self, Self::Changed(_) | Self::Exists { .. })
    }

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
    /// What of the templates of pods was not taken, in words.
    pub notes: Vec<String>,
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
    /// Whether steps are left until mails are sealed, or not, as the spec says.
    pub sealing_unfinished: bool,
}

/// Applies everything.
pub async fn apply(context: &Context, id: &StackId, plan: Plan) -> Result<Outcome, Error> {
    let mut applier = Applier { context, id, conflicts: Vec::new(), created: Creations::default() };
    let result = Box::pin(applier.apply_plan(plan)).await;
    if let Some(notice) = applier.created.into_notice() {
        context.events.notify(id, notice).await;
    }
    result
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

/// Looks without touching: for a paused stack. Neither the broker nor the Prometheus operator is asked.
#[must_use]
pub fn look(context: &Context, id: &StackId) -> Outcome {
    Outcome {
        stateful_sets: Part::ALL.iter().filter_map(|part| cached(context, id, &id.part(*part))).collect(),
        deployments: Part::ALL.iter().filter_map(|part| cached(context, id, &id.part(*part))).collect(),
        test_mail: None,
        conflicts: Vec::new(),
        notes: Vec::new(),
        brokers: Brokers::default(),
        topology: TopologyState::Paused,
        broker_problem: None,
        volumes_unrecorded: false,
        monitoring: None,
        sealing_unfinished: false,
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
    created: Creations,
}

impl Applier<'_> {
    async fn apply_plan(&mut self, plan: Plan) -> Result<Outcome, Error> {
        let (context, id) = (self.context, self.id);
        let mut kept = orphans::Kept::of(&plan);
        let Plan { resources, topology, repair, secrets, notes, scaling, monitoring } = plan;
        let Resources {
            missing_secrets,
            pull_secrets,
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
        let brokers_run = cached::<StatefulSet>(context, id, &id.part(Part::RabbitMq)).is_some();
        let new_cookie = self.write_secrets(missing_secrets, &secrets.changes).await?;
        self.apply_all(pull_secrets).await?;
        self.apply_all(service_accounts).await?;
        self.apply_all(config_maps).await?;
        self.choose_brokers(&mut services);
        self.apply_all(services).await?;
        self.apply_all(network_policies).await?;
        let servers =
            [Part::Redis, Part::RabbitMq].map(|part| cached::<StatefulSet>(context, id, &id.part(part)));
        budgets::loosen(&mut pod_disruption_budgets, id, servers.iter().flatten().map(AsRef::as_ref));
        self.apply_all(pod_disruption_budgets).await?;
        let stateful_sets = self.apply_all(stateful_sets).await?;
        if new_cookie && brokers_run {
            restart::brokers(context, id).await?;
        }
        stuck_pods::delete(context, id, &stateful_sets).await?;
        let brokers = ask_brokers(context, id, &topology.target, &stateful_sets).await;
        brokers::serving::mark(context, id, &brokers).await;
        partitioned_brokers::restart(context, id, &brokers).await?;
        let state = topology::reconcile(context, id, &topology, &brokers).await;
        let seen = lost_volumes::Seen { stateful_sets: &stateful_sets, brokers: &brokers };
        let healing = Box::pin(self.heal(repair.as_ref(), seen, &mut kept)).await?;
        self.hand_over_replicas(&mut deployments, &scaling).await?;
        let deployments = self.apply_all(deployments).await?;
        self.apply_all(horizontal_pod_autoscalers).await?;
        self.apply_all(ingresses).await?;
        let test_mail = Box::pin(self.create_jobs(jobs)).await?;
        let monitoring =
            monitoring::reconcile(&context.client, &context.absent_monitoring, id, &monitoring).await;
        kept.add(mail_copies::mountable(context, id, &deployments).iter().map(AsRef::as_ref));
        orphans::delete(context, id, &kept).await?;
        let retiring = retire::Retiring {
            users: secrets.retiring.as_ref(),
            topology: &topology,
            brokers: &brokers,
            state: &state,
            deployments: &deployments,
        };
        retire::old_broker_users(context, id, &retiring).await?;
        own_secrets::rotate(context, id, &secrets, &deployments).await?;
        let sealing_unfinished = mail_keys::proceed(context, id, &secrets, &deployments).await?;
        Ok(Outcome {
            stateful_sets,
            deployments,
            test_mail,
            conflicts: std::mem::take(&mut self.conflicts),
            notes,
            brokers,
            topology: state,
            broker_problem: healing.problem,
            volumes_unrecorded: healing.unrecorded,
            monitoring,
            sealing_unfinished,
        })
    }

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

    /// The number of pods is ours only until somebody else sets it.
    async fn hand_over_replicas(
        &self,
        deployments: &mut [Deployment],
        scaling: &[Scaling],
    ) -> Result<(), Error> {
        for deployment in deployments {
            let name = deployment.name_any();
            let is_its = |scaling: &&Scaling| self.id.part(scaling.part) == name;
            let Some(scaling) = scaling.iter().find(is_its) else { continue };
            let cached = cached::<Deployment>(self.context, self.id, &name);
            let client = &self.context.client;
            let handed_over =
                replicas::hand_over(client, self.id, scaling, deployment, cached.as_deref()).await;
            handed_over.map_err(|source| Error::Apply { kind: "Deployment", name, source })?;
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
}

#[cfg(test)]
mod tests;
