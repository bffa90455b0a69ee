//! Conditions, pure: what is known → what a person reads. Times come from outside, and only where a status changes.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use crate::controller::topology::TopologyState;

mod condition_type;
mod parts;
mod progress;
mod reasons;
mod reported;
mod summary;

pub use condition_type::{ConditionType, Role};
pub use parts::{PartState, Problem, of_workload};
pub use progress::{Applied, progress, refused};
pub use reported::{of_external_server, of_service};
pub use summary::summary;

/// A condition without its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which condition.
    pub type_: ConditionType,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One word; each has a row in [`reasons`], or comes from the report of a pod.
    pub reason: String,
    /// A sentence that says what to do, if there is something to do.
    pub message: String,
    /// True although something is wrong: its Event is a warning.
    pub impaired: bool,
    /// Not True, but for so short a time that the summary stays as it was.
    pub recent: bool,
}

impl Finding {
    /// It is so.
    #[must_use]
    pub fn good(type_: ConditionType, reason: &str, message: impl Into<String>) -> Self {
        Self::new(type_, "True", reason, message.into())
    }

    /// It is so, but something is wrong.
    #[must_use]
    pub fn impaired(type_: ConditionType, reason: &str, message: impl Into<String>) -> Self {
        Self { impaired: true, ..Self::good(type_, reason, message) }
    }

    /// It is not so, because of `reason`.
    #[must_use]
    pub fn bad(type_: ConditionType, reason: &str, message: impl Into<String>) -> Self {
        Self::new(type_, "False", reason, message.into())
    }

    /// It cannot be known.
    #[must_use]
    pub fn unknown(type_: ConditionType, reason: &str, message: impl Into<String>) -> Self {
        Self::new(type_, "Unknown", reason, message.into())
    }

    fn new(type_: ConditionType, status: &'static str, reason: &str, message: String) -> Self {
        #[cfg(test)]
        reasons::assert_has_row(type_, status, reason);
        Self { type_, status, reason: reason.to_owned(), message, impaired: false, recent: false }
    }

    /// Whether an Event about it is a warning.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.impaired || self.type_ == ConditionType::Stalled || self.status != "True"
    }
}

/// What the status said before, and what time it is.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// The conditions of the status.
    pub conditions: &'a [Condition],
    /// The generation that they describe.
    pub generation: Option<i64>,
    /// The time of this reconcile.
    pub now: Timestamp,
}

impl Past<'_> {
    fn find(&self, type_: ConditionType) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_.name())
    }

    fn is_true(&self, type_: ConditionType) -> bool {
        self.find(type_).is_some_and(|condition| condition.status == "True")
    }

    /// Since when a condition is False; `None` if it was not.
    fn false_since(&self, type_: ConditionType) -> Option<Timestamp> {
        let condition = self.find(type_).filter(|condition| condition.status == "False");
        condition.map(|condition| condition.last_transition_time.0)
    }
}

/// The condition of the broker's topology.
#[must_use]
pub fn of_topology(state: &TopologyState) -> Finding {
    const TYPE: ConditionType = ConditionType::TopologyReady;
    match state {
        TopologyState::Waiting => Finding::bad(TYPE, "WaitingForBroker", "no broker serves yet"),
        TopologyState::Failed(why) => Finding::bad(TYPE, "BrokerUnreachable", why.clone()),
        TopologyState::Split => Finding::bad(
            TYPE,
            "ClusterSplit",
            "nothing is written while the brokers are not one cluster: RabbitMQReady says what each of them sees",
        ),
        TopologyState::UnsupportedVersion(what_to_do) => {
            Finding::bad(TYPE, "UnsupportedVersion", what_to_do.clone())
        }
        TopologyState::Conflict(conflicts) => Finding::bad(TYPE, "TopologyConflict", conflicts.join("; ")),
        TopologyState::Applied(queues) => match (queues.wanted_members, queues.fewest_members) {
            (Some(wanted), Some(members)) if members < wanted => Finding::bad(
                TYPE,
                "QueueMembersMissing",
                format!(
                    "a queue has {members} of {wanted} members; the broker adds them by itself once all brokers run"
                ),
            ),
            (Some(_), None) => Finding::unknown(
                TYPE,
                "QueueMembersUnknown",
                "the broker does not name its queues' members, as when most brokers are away",
            ),
            _ if !queues.warnings.is_empty() => {
                Finding::good(TYPE, "AppliedWithWarnings", queues.warnings.join("; "))
            }
            _ => Finding::good(TYPE, "Applied", "exchanges, queues, policies and users are up to date"),
        },
    }
}

/// Conditions as the status holds them: a time moves only when its condition's status does.
#[must_use]
pub fn stamp(
    findings: Vec<Finding>,
    before: &[Condition],
    generation: Option<i64>,
    now: &Time,
) -> Vec<Condition> {
    let stamp = |finding: Finding| {
        let same = |old: &&Condition| old.type_ == finding.type_.name() && old.status == finding.status;
        let since =
            before.iter().find(same).map_or_else(|| now.clone(), |old| old.last_transition_time.clone());
        Condition {
            type_: finding.type_.name().to_owned(),
            status: finding.status.to_owned(),
            reason: finding.reason,
            message: shortened(finding.message),
            observed_generation: generation,
            last_transition_time: since,
        }
    };
    findings.into_iter().map(stamp).collect()
}

/// The API takes 32,768 characters; a person takes fewer.
fn shortened(message: String) -> String {
    const MOST: usize = 1024;
    if message.chars().count() <= MOST {
        message
    } else {
        message.chars().take(MOST - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests;
