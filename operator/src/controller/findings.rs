//! Which conditions a stack has, pure: what is known of its objects, pods and brokers → findings.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use crate::{
    conditions::{ConditionType, Finding},
    controller::topology::TopologyState,
};

mod ingress;
mod parts;
mod progress;
mod reported;
mod summary;

pub use ingress::of_ingress;
pub use parts::{PartState, Problem, of_workload};
pub use progress::{Applied, progress, refused};
pub use reported::{of_external_server, of_service};
pub use summary::summary;

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

/// The condition of something that nobody looks at while the stack is paused.
#[must_use]
pub fn not_checked(type_: ConditionType, what: &str) -> Finding {
    Finding::unknown(type_, PAUSED, format!("not checked while spec.paused is true: {what}"))
}

/// The reason of what is not looked at.
pub const PAUSED: &str = "Paused";

/// The condition of the templates of pods: `wanted` is whether the spec has one, `notes` what was not taken of them.
#[must_use]
pub fn of_pod_templates(wanted: bool, notes: &[String]) -> Option<Finding> {
    const TYPE: ConditionType = ConditionType::PodTemplatesApplied;
    match notes {
        [] => {
            wanted.then(|| Finding::good(TYPE, "Applied", "the pods have everything that podTemplate says"))
        }
        notes => Some(Finding::impaired(TYPE, "AppliedWithWarnings", notes.join("; "))),
    }
}

/// The condition of the broker's topology.
#[must_use]
pub fn of_topology(state: &TopologyState) -> Finding {
    const TYPE: ConditionType = ConditionType::TopologyReady;
    match state {
        TopologyState::Paused => not_checked(TYPE, "exchanges, queues, policies and users"),
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
                Finding::impaired(TYPE, "AppliedWithWarnings", queues.warnings.join("; "))
            }
            _ => Finding::good(TYPE, "Applied", "exchanges, queues, policies and users are up to date"),
        },
    }
}

#[cfg(test)]
mod reason_tests;
#[cfg(test)]
mod recorded_states;
#[cfg(test)]
mod tests;
