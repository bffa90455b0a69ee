//! Brokers that lost their volume. Such a broker waits until the others forget its former self, then joins them with an
//! empty volume and gets the queues' messages from them. The others forget it only where nothing can be lost by that;
//! else a person decides.
//!
//! [`volumes`] remembers which volume each broker was a member with, [`decision`] is pure.

use std::sync::Arc;

use k8s_openapi::api::{apps::v1::StatefulSet, batch::v1::Job};
use kube::ResourceExt as _;
use rabbitmq_management::{
    nodes::NodeView,
    queues::{Queue, queues},
};
use service_kit::telemetry::chain;

use self::{
    decision::{Broker, Verdict, decide},
    volumes::Volumes,
};
use super::{
    Context,
    brokers::members::Brokers,
    build::{self, BrokerRepair, broker_topology::BrokerNode},
    findings::Problem,
};
use crate::names::{Part, StackId};

mod decision;
mod volumes;

/// The brokers of a stack could not be compared with their volumes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The claims of the brokers' volumes.
    #[error("the volumes of the brokers cannot be listed")]
    Volumes(#[source] kube::Error),
    /// The annotation on the StatefulSet.
    #[error("the volumes of the brokers cannot be remembered on their StatefulSet")]
    Remember(#[source] kube::Error),
    #[error("the Job that lets a broker join again cannot be built")]
    Build(#[source] build::Error),
}

/// What follows from the brokers' volumes.
#[derive(Debug, Default)]
pub struct Healing {
    /// The Job that lets the others forget a broker; it is deleted as an orphan once it is not needed.
    pub job: Option<Job>,
    /// Why a broker is not a member, in words.
    pub problem: Option<Problem>,
    /// All brokers are ready, and one has another volume than the recorded one, because too few of them answered. Until it
    /// is recorded, a restart of this broker looks like the loss of its volume.
    pub unrecorded: bool,
}

/// What is known of the brokers in this reconcile.
pub struct Seen<'a> {
    /// What makes their pods.
    pub stateful_sets: &'a [Arc<StatefulSet>],
    /// What each says of its cluster.
    pub brokers: &'a Brokers,
}

/// Compares brokers and volumes, and decides what to do about a lost one.
pub async fn look(
    context: &Context,
    id: &StackId,
    repair: &BrokerRepair,
    seen: &Seen<'_>,
) -> Result<Healing, Error> {
    let name = id.part(Part::RabbitMq);
    let Some(set) = seen.stateful_sets.iter().find(|set| set.name_any() == name) else {
        return Ok(Healing::default());
    };
    let volumes = Volumes::read(context, id, set).await?;
    let brokers = brokers(context, id, repair, &volumes);
    let record = volumes.to_record(&brokers, &seen.brokers.running());
    volumes.remember(context, set, &record).await?;
    if brokers.iter().all(|broker| broker.ready) {
        let is_recorded = |broker: &Broker| record.get(&broker.pod) == broker.volume.as_ref();
        return Ok(Healing { unrecorded: !brokers.iter().all(is_recorded), ..Healing::default() });
    }
    if !brokers.iter().any(Broker::has_new_volume) {
        return Ok(Healing::default());
    }
    let views = seen.brokers.answered().map(|(_, view)| view.clone()).collect::<Vec<_>>();
    let queues = all_queues(context, repair, &views).await;
    act(decide(&brokers, &views, &queues), repair)
}

fn brokers(context: &Context, id: &StackId, repair: &BrokerRepair, volumes: &Volumes) -> Vec<Broker> {
    let pods = context.children.pods.of(id, Part::RabbitMq);
    let broker = |node: &BrokerNode| {
        let pod = pods.iter().find(|pod| pod.name_any() == node.pod);
        Broker::new(pod.map(Arc::as_ref), node, volumes)
    };
    repair.nodes.iter().map(broker).collect()
}

/// The queues of all vhosts, as the first broker that answers reports them; none where none answers.
async fn all_queues(context: &Context, repair: &BrokerRepair, views: &[NodeView]) -> Vec<Queue> {
    let answers = |node: &&BrokerNode| views.iter().any(|view| view.node == node.node);
    for node in repair.nodes.iter().filter(answers) {
        let Ok(management) = context.broker_connections.management(&node.management) else { continue };
        match queues(&management, None).await {
            Ok(queues) => return queues,
            // Without an answer nothing is decided; the next reconcile asks again.
            Err(error) => tracing::info!(error = %chain(&error), "a broker did not name its queues"),
        }
    }
    Vec::new()
}

fn act(verdict: Verdict, repair: &BrokerRepair) -> Result<Healing, Error> {
    let problem = problem(&verdict);
    let job = match verdict {
        Verdict::Forget { lost, asked } => Some(repair.forget(&lost, &asked).map_err(Error::Build)?),
        Verdict::Nothing | Verdict::Wait { .. } | Verdict::PersonDecides { .. } => None,
    };
    Ok(Healing { job, problem, unrecorded: false })
}

fn problem(verdict: &Verdict) -> Option<Problem> {
    let (reason, message) = match verdict {
        Verdict::Nothing => return None,
        Verdict::Wait { pod, until } => (
            "VolumeLost",
            format!("{pod} has an empty volume and waits to join the cluster again: waiting until {until}"),
        ),
        Verdict::Forget { lost, .. } => (
            "VolumeLost",
            format!(
                "{} has an empty volume: the other brokers forget it, so that it can join again",
                lost.pod
            ),
        ),
        Verdict::PersonDecides { pods } => (
            "QuorumLost",
            format!(
                "{} have lost their volumes, and with them messages may be lost that no other broker has: nothing is done by \
                 itself, see \"When several volumes are lost\" in docs/backup.md",
                pods.join(", ")
            ),
        ),
    };
    Some(Problem { reason, message, since: None })
}

/// A problem of each reason, for the tests of conditions.
#[cfg(test)]
pub(super) fn every_problem() -> Vec<Problem> {
    let pod = || "demo-rabbitmq-0".to_owned();
    let verdicts =
        [Verdict::Wait { pod: pod(), until: "its pod runs" }, Verdict::PersonDecides { pods: vec![pod()] }];
    verdicts.iter().filter_map(problem).collect()
}

#[cfg(test)]
mod tests;
