//! The broker's side of step 4: makes and mends vhost, exchanges, queues, policies and users through the management
//! API, and looks at the queues. Within a deadline; a broker that does not answer is a state, not an error.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::apps::v1::StatefulSet;
use serde::Deserialize;
use service_kit::telemetry::chain;
use topology::{Error, Report, management::segment};

use super::Context;
use crate::{controller::build::BrokerTopology, crd::status::QueueStatus, events::Notice, names::StackId};

/// For all calls of one reconcile.
const DEADLINE: Duration = Duration::from_secs(20);

/// How the broker's topology is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TopologyState {
    /// The broker has no ready pod.
    #[default]
    Waiting,
    /// The broker did not answer, or refused: why, in words.
    Failed(String),
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

/// Makes the broker what it must be.
pub async fn reconcile(
    context: &Context,
    id: &StackId,
    wanted: &BrokerTopology,
    stateful_sets: &[Arc<StatefulSet>],
) -> TopologyState {
    if wanted.members.is_some() && !has_ready_broker(id, stateful_sets) {
        return TopologyState::Waiting;
    }
    match tokio::time::timeout(DEADLINE, apply_and_look(context, id, wanted)).await {
        Ok(Ok(state)) => state,
        Ok(Err(error)) => TopologyState::Failed(chain(&error)),
        Err(_) => TopologyState::Failed(
            "the management API did not answer in 20 s: is the broker overloaded?".to_owned(),
        ),
    }
}

fn has_ready_broker(id: &StackId, stateful_sets: &[Arc<StatefulSet>]) -> bool {
    let broker = id.part(crate::names::Part::RabbitMq);
    let ready = |set: &Arc<StatefulSet>| {
        set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0) > 0
    };
    stateful_sets.iter().any(|set| set.metadata.name.as_ref() == Some(&broker) && ready(set))
}

async fn apply_and_look(
    context: &Context,
    id: &StackId,
    wanted: &BrokerTopology,
) -> Result<TopologyState, Error> {
    let management = context.broker_connections.management(&wanted.management)?;
    let report = topology::apply(&management, &wanted.desired).await?;
    report_changes(context, id, &report).await;
    if !report.conflicts.is_empty() {
        return Ok(TopologyState::Conflict(report.conflicts.iter().map(ToString::to_string).collect()));
    }
    let mut queues = look(&management, wanted).await?;
    queues.warnings = report.warnings.iter().map(ToString::to_string).collect();
    Ok(TopologyState::Applied(queues))
}

async fn report_changes(context: &Context, id: &StackId, report: &Report) {
    // A partial first pass is not drift, and neither is a conflict that keeps coming back.
    let drifted = report.conflicts.is_empty() && context.complete_once.note(&id.uid);
    context.metrics.topology_changed(report.applied.len());
    if drifted {
        for operation in &report.applied {
            context.events.notify(id, Notice::topology(true, &operation.to_string())).await;
        }
    } else if !report.applied.is_empty() {
        let note = format!("made what was missing on the broker, {} objects", report.applied.len());
        context.events.notify(id, Notice::topology(false, &note)).await;
    }
}

/// What the broker says of a queue; it leaves numbers out while a queue has no leader.
#[derive(Debug, Deserialize)]
struct QueueAnswer {
    name: String,
    messages: Option<i64>,
    consumers: Option<i64>,
    members: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct ConnectionAnswer {
    user: Option<String>,
}

async fn look(management: &topology::Management, wanted: &BrokerTopology) -> Result<Queues, Error> {
    let vhost = segment(&wanted.desired.vhost.name);
    let path = format!("queues/{vhost}?columns=name,messages,consumers,members");
    let answers = management.get::<Vec<QueueAnswer>>(&path).await?.unwrap_or_default();
    let ours = |answer: &&QueueAnswer| wanted.desired.queues.iter().any(|queue| queue.name == answer.name);
    let members = answers.iter().filter(ours).map(|answer| answer.members.as_ref().map(Vec::len));
    // One unknown makes the whole unknown.
    let fewest = members.collect::<Option<Vec<_>>>().and_then(|counts| counts.into_iter().min());
    let mail = answers.iter().find(|answer| answer.name == ping_contract::topology::MAIL_QUEUE);
    let mail = mail
        .and_then(|answer| Some(QueueStatus { messages: answer.messages?, consumers: answer.consumers? }));
    Ok(Queues {
        mail,
        fewest_members: fewest.and_then(|count| i32::try_from(count).ok()),
        wanted_members: wanted.members,
        retiring_connected: connected(management, &wanted.retiring_users).await?,
        warnings: Vec::new(),
    })
}

/// Whether somebody is connected as one of `users`.
async fn connected(management: &topology::Management, users: &[String]) -> Result<bool, Error> {
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
pub async fn delete_users(context: &Context, wanted: &BrokerTopology) -> Result<(), Error> {
    let management = context.broker_connections.management(&wanted.management)?;
    for user in &wanted.retiring_users {
        management.delete(&format!("users/{}", segment(user))).await?;
    }
    Ok(())
}
