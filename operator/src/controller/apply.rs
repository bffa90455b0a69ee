//! Step 4, writes: the built objects into the cluster, in order, and what nobody needs any more out of it.
//!
//! Server-side apply with one field manager. An object that exists without our owner uid is somebody else's: a forced
//! apply would seize it, and its deletion would follow the stack's. Such an object is left alone and reported.

use std::{marker::PhantomData, sync::Arc};

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    batch::v1::Job,
    core::v1::Secret,
};
use kube::{Api, ResourceExt as _, runtime::reflector::ObjectRef};

use super::Context;
use crate::{
    autoscaling::replicas,
    children::ChildKind,
    controller::{
        build::{Plan, Prepared, Resources},
        conditions::Finding,
        monitoring,
        topology::{self, TopologyState},
    },
    crd::{services::Autoscaling, status::PingStackStatus},
    names::{Part, StackId},
};

mod object;
mod orphans;
mod restart;
mod retire;

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
    /// What is created once is there already: our cache is behind, and the next try finds it.
    #[error("the {kind} {name} was made a moment ago, reading it again")]
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
            | Self::Delete { source: kube::Error::Api(status), .. } => Some((&status.message, status.code)),
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
    /// What became of the broker's topology.
    pub topology: TopologyState,
    /// What became of the monitoring, if some is wanted.
    pub monitoring: Option<Finding>,
}

/// Applies everything.
pub async fn apply(context: &Context, id: &StackId, plan: Plan) -> Result<Outcome, Error> {
    let kept = orphans::Kept::of(&plan);
    let Plan { resources, topology, secrets, autoscaling, monitoring } = plan;
    let Resources {
        missing_secrets,
        service_accounts,
        config_maps,
        services,
        network_policies,
        pod_disruption_budgets,
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
    applier.apply_all(services).await?;
    applier.apply_all(network_policies).await?;
    applier.apply_all(pod_disruption_budgets).await?;
    let stateful_sets = applier.apply_all(stateful_sets).await?;
    if new_cookie && brokers_run {
        restart::brokers(context, id).await?;
    }
    let state = topology::reconcile(context, id, &topology, &stateful_sets).await;
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
        state: &state,
        deployments: &deployments,
    };
    retire::old_broker_users(context, id, &retiring).await?;
    Ok(Outcome {
        stateful_sets,
        deployments,
        test_mail,
        conflicts: applier.conflicts,
        topology: state,
        monitoring,
    })
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
        topology: TopologyState::Applied(topology::Queues { mail: queue, ..topology::Queues::default() }),
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
