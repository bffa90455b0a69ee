//! The broker's side of step 4: makes and mends vhost, exchanges, queues, policies and users through the management
//! API, and looks at the queues. Within a deadline; a broker that does not answer is a state, not an error.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::apps::v1::StatefulSet;
use ping_contract::topology_plan::Conflict;
use pingstack_crd::status::QueueStatus;
use rabbitmq_management::{ApplyReport, Error, management::segment, queues::Queue};
use serde::Deserialize;
use service_kit::telemetry::chain;

use super::{
    Context,
    brokers::members::{Brokers, Membership},
};
use crate::{
    broker_connections::{BrokerAccess, EXTERNAL_UNUSABLE},
    controller::build::broker_topology::{BrokerTopology, Target},
    events::Notice,
    names::StackId,
};

/// For all calls of one reconcile.
const DEADLINE: Duration = Duration::from_secs(20);

/// How the broker's topology is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TopologyState {
    /// The stack is paused, and nothing was asked.
    Paused,
    /// The broker has no ready pod.
    #[default]
    Waiting,
    /// The broker did not answer, or refused: why, in words.
    Failed(String),
    /// The stack's brokers are not one cluster, and nothing was written to any.
    Split,
    /// Ping cannot work with the broker's version, and nothing was written to it: what to do, in words.
    UnsupportedVersion(String),
    /// Something on the broker contradicts, and is left as it is: what to do, in words.
    Conflict(Vec<String>),
    /// Everything is there.
    Applied(Queues),
}

/// The queues, as the broker reports them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queues {
    /// The queue of mails; `None` if the broker left a number out.
    pub mail: Option<QueueStatus>,
    /// The fewest members of any queue; `None` if the broker left it out, as it does in a minority.
    pub fewest_members: Option<i32>,
    /// How many members each must have; `None` on a broker that is not ours.
    pub wanted_members: Option<i32>,
    /// Whether somebody is still connected as a user of the rotation before.
    pub retiring_connected: bool,
    /// What works, but should be known.
    pub warnings: Vec<String>,
}

/// The stacks whose topology was complete once: what is missing there now is drift.
#[derive(Debug, Default)]
pub struct CompleteOnce(Mutex<HashSet<String>>);

impl CompleteOnce {
    /// Remembers a stack by its uid; whether it was known.
    fn note(&self, uid: &str) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned())
    }

    /// Forgets a stack that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// Makes the broker what it must be, if its nodes are one cluster.
pub async fn reconcile(
    context: &Context,
    id: &StackId,
    wanted: &BrokerTopology,
    brokers: &Brokers,
) -> TopologyState {
    let speakers = match speakers(&wanted.target, brokers) {
        Ok(speakers) => speakers,
        Err(state) => return state,
    };
    let failure = match tokio::time::timeout(DEADLINE, converge(context, id, wanted, &speakers)).await {
        Ok(Ok(state)) => return state,
        Ok(Err(error)) => chain(&error),
        Err(_) => "the management API did not answer in 20 s: is the broker overloaded?".to_owned(),
    };
    if matches!(wanted.target, Target::External(_)) {
        tracing::warn!(namespace = %id.namespace, stack = %id.name, error = failure, "an external broker cannot be used");
        return TopologyState::Failed(EXTERNAL_UNUSABLE.to_owned());
    }
    TopologyState::Failed(failure)
}

/// Whether a broker of the stack's own has a ready pod; before that none answers.
#[must_use]
pub fn has_ready_broker(id: &StackId, stateful_sets: &[Arc<StatefulSet>]) -> bool {
    let broker = id.part(crate::names::Part::RabbitMq);
    let ready = |set: &Arc<StatefulSet>| {
        set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0) > 0
    };
    stateful_sets.iter().any(|set| set.metadata.name.as_ref() == Some(&broker) && ready(set))
}

/// Where the broker can be read and written: of the stack's own, every node that answered. Or why nowhere.
fn speakers<'a>(target: &'a Target, brokers: &Brokers) -> Result<Vec<&'a BrokerAccess>, TopologyState> {
    let nodes = match target {
        Target::External(management) => return Ok(vec![management]),
        Target::Managed(_) if brokers.0.is_empty() => return Err(TopologyState::Waiting),
        Target::Managed(nodes) => nodes,
    };
    match brokers.membership() {
        Membership::Unknown(why) => return Err(TopologyState::Failed(why)),
        Membership::Split { .. } => return Err(TopologyState::Split),
        Membership::United { .. } => {}
    }
    if let Some(unsupported) = brokers.unsupported_version() {
        return Err(TopologyState::UnsupportedVersion(unsupported.to_string()));
    }
    let answered = |node: &str| brokers.answered().any(|(broker, _)| broker.node == node);
    Ok(nodes.iter().filter(|node| answered(&node.node)).map(|node| &node.management).collect())
}

/// At the first speaker that does not go away meanwhile.
async fn converge(
    context: &Context,
    id: &StackId,
    wanted: &BrokerTopology,
    speakers: &[&BrokerAccess],
) -> Result<TopologyState, Error> {
    let mut outcome = Ok(TopologyState::Waiting);
    for speaker in speakers {
        let management = context.broker_connections.management(speaker)?;
        outcome = apply_and_look(context, id, wanted, &management).await;
        if !matches!(outcome, Err(Error::Unreachable(_))) {
            break;
        }
    }
    outcome
}

async fn apply_and_look(
    context: &Context,
    id: &StackId,
    wanted: &BrokerTopology,
    management: &rabbitmq_management::Management,
) -> Result<TopologyState, Error> {
    let report = rabbitmq_management::apply(management, &wanted.desired).await?;
    report_changes(context, id, &report).await;
    if let Some(state) = conflict(&report.conflicts) {
        return Ok(state);
    }
    let mut queues = look(management, wanted).await?;
    queues.warnings = report.warnings.iter().map(ToString::to_string).collect();
    Ok(TopologyState::Applied(queues))
}

/// What stands in the way; `None` if nothing does.
fn conflict(conflicts: &[Conflict]) -> Option<TopologyState> {
    let unsupported = conflicts.iter().find(|conflict| matches!(conflict, Conflict::UnsupportedVersion(_)));
    if let Some(unsupported) = unsupported {
        return Some(TopologyState::UnsupportedVersion(unsupported.to_string()));
    }
    let conflicts = conflicts.iter().map(ToString::to_string).collect::<Vec<_>>();
    (!conflicts.is_empty()).then_some(TopologyState::Conflict(conflicts))
}

async fn report_changes(context: &Context, id: &StackId, report: &ApplyReport) {
    // A partial first pass is not drift, and neither is a conflict that keeps coming back.
    let drifted = report.conflicts.is_empty() && context.complete_once.note(&id.uid);
    context.metrics.topology_changed(report.applied.len());
    if drifted {
        for operation in &report.applied {
            context.events.notify(id, Notice::topology(true, &operation.to_string())).await;
        }
    } else if !report.applied.is_empty() {
        let note = format!("created {} missing objects on the broker", report.applied.len());
        context.events.notify(id, Notice::topology(false, &note)).await;
    }
}

#[derive(Debug, Deserialize)]
struct ConnectionAnswer {
    user: Option<String>,
}

async fn look(
    management: &rabbitmq_management::Management,
    wanted: &BrokerTopology,
) -> Result<Queues, Error> {
    let queues = rabbitmq_management::queues::queues(management, Some(&wanted.desired.vhost.name)).await?;
    let ours = |queue: &&Queue| wanted.desired.queues.iter().any(|desired| desired.name == queue.name);
    let members = queues.iter().filter(ours).map(|queue| queue.members.as_ref().map(Vec::len));
    // One unknown makes the whole unknown.
    let fewest = members.collect::<Option<Vec<_>>>().and_then(|counts| counts.into_iter().min());
    let mail = queues.iter().find(|queue| queue.name == ping_contract::topology::MAIL_QUEUE);
    let mail =
        mail.and_then(|queue| Some(QueueStatus { messages: queue.messages?, consumers: queue.consumers? }));
    Ok(Queues {
        mail,
        fewest_members: fewest.and_then(|count| i32::try_from(count).ok()),
        wanted_members: wanted.members,
        retiring_connected: connected(management, &wanted.retiring_users).await?,
        warnings: Vec::new(),
    })
}

/// Whether somebody is connected as one of `users`.
async fn connected(management: &rabbitmq_management::Management, users: &[String]) -> Result<bool, Error> {
    if users.is_empty() {
        return Ok(false);
    }
    let connections =
        management.get::<Vec<ConnectionAnswer>>("connections?columns=user").await?.unwrap_or_default();
    let is_theirs =
        |connection: &ConnectionAnswer| connection.user.as_ref().is_some_and(|user| users.contains(user));
    Ok(connections.iter().any(is_theirs))
}

/// Deletes broker users that nobody needs any more.
pub async fn delete_users(
    context: &Context,
    wanted: &BrokerTopology,
    brokers: &Brokers,
) -> Result<(), Error> {
    // Nowhere to write is for the next reconcile.
    let speakers = speakers(&wanted.target, brokers).unwrap_or_default();
    let Some(speaker) = speakers.first() else { return Ok(()) };
    let management = context.broker_connections.management(speaker)?;
    for user in &wanted.retiring_users {
        management.delete(&format!("users/{}", segment(user))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
