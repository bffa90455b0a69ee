//! Conditions, pure: what is known → what a person reads. Times come from outside, and only where a status changes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{
    controller::{topology::TopologyState, workload::Workload},
    names::Part,
};

/// The summary's type.
pub const READY: &str = "Ready";

/// The type that is there only while a stack is paused.
pub const PAUSED: &str = "Paused";

/// The type that is there only while monitoring is wanted. People sign in without it.
pub const MONITORING_READY: &str = "MonitoringReady";

/// A condition without its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which condition.
    pub type_: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One word.
    pub reason: String,
    /// A sentence that says what to do, if there is something to do.
    pub message: String,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn good(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { type_, status: "True", reason: reason.to_owned(), message: message.into() }
    }

    /// It is not, because of `reason`.
    #[must_use]
    pub fn bad(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { type_, status: "False", reason: reason.to_owned(), message: message.into() }
    }

    /// Nobody knows.
    #[must_use]
    pub fn unknown(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { type_, status: "Unknown", reason: reason.to_owned(), message: message.into() }
    }
}

/// The condition of a part.
#[must_use]
pub const fn type_of(part: Part) -> &'static str {
    match part {
        Part::Redis => "RedisReady",
        Part::RabbitMq => "RabbitMQReady",
        Part::UserService => "UserServiceReady",
        Part::MailService => "MailServiceReady",
    }
}

/// Why pods of a part do not serve: a word and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One word.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
}

/// What is known of a part that runs here: its workload, if its object is there, and what ails its pods.
#[must_use]
pub fn of_workload(part: Part, workload: Option<&Workload>, problem: Option<&Problem>) -> Finding {
    let type_ = type_of(part);
    let Some(workload) = workload else {
        return Finding::bad(type_, "Missing", "its workload does not exist yet");
    };
    let counts = format!("{} of {} pods serve", workload.ready, workload.desired);
    let message = problem.map_or_else(|| counts.clone(), |problem| format!("{counts}; {}", problem.message));
    let reason = problem.map(|problem| problem.reason);
    if workload.is_complete() {
        Finding::good(type_, "Available", counts)
    } else if workload.observed && workload.ready >= enough(part, workload.desired) {
        Finding::good(type_, reason.unwrap_or("Updating"), message)
    } else {
        Finding::bad(type_, reason.unwrap_or("Starting"), message)
    }
}

/// How many pods must serve for the part to do its work.
const fn enough(part: Part, desired: i32) -> i32 {
    match part {
        Part::UserService => desired,
        Part::RabbitMq => desired / 2 + 1,
        Part::Redis | Part::MailService => 1,
    }
}

/// The condition of the broker's topology.
#[must_use]
pub fn of_topology(state: &TopologyState) -> Finding {
    const TYPE: &str = "TopologyReady";
    match state {
        TopologyState::Waiting => Finding::bad(TYPE, "WaitingForBroker", "no broker serves yet"),
        TopologyState::Failed(why) => Finding::bad(TYPE, "BrokerUnreachable", why.clone()),
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
            _ => Finding::good(TYPE, "Applied", "exchanges, queues, policies and users are as they must be"),
        },
    }
}

/// The summary: ready if every other condition is.
#[must_use]
pub fn summary(findings: &[Finding], conflicts: &[String]) -> Finding {
    if !conflicts.is_empty() {
        let objects = conflicts.join(", ");
        let message = format!("{objects} belongs to somebody else and was left alone: rename or delete it");
        return Finding::bad(READY, "NameConflict", message);
    }
    let relevant = || findings.iter().filter(|finding| finding.type_ != PAUSED);
    let first = |status: &str| relevant().find(|finding| finding.status == status);
    match first("False").or_else(|| first("Unknown")) {
        Some(worst) => Finding {
            type_: READY,
            status: worst.status,
            reason: worst.reason.clone(),
            message: format!("{}: {}", worst.type_, worst.message),
        },
        None => Finding::good(READY, "Ready", "people can sign in"),
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
        let same = |old: &&Condition| old.type_ == finding.type_ && old.status == finding.status;
        let since =
            before.iter().find(same).map_or_else(|| now.clone(), |old| old.last_transition_time.clone());
        Condition {
            type_: finding.type_.to_owned(),
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
