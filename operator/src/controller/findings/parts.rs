//! The conditions of the parts that run in the stack, from their workloads and pods.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::{
    conditions::{ConditionType, Finding},
    controller::workload::Workload,
    names::Part,
};

/// How long a pod may be unable to start until that is a standstill. A registry that was away for a moment is tried
/// again within this time.
const KUBELET_PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// How long a pod may wait for a node or a volume: an autoscaler of nodes takes a minute or two.
const SCHEDULER_PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// A part that runs in the stack, as the cluster has it.
#[derive(Debug, Clone)]
pub struct PartState {
    pub part: Part,
    /// Its Deployment or StatefulSet; `None` if it does not exist.
    pub workload: Option<Workload>,
    /// Why pods of it do not serve, if that can be seen.
    pub problem: Option<Problem>,
}

/// Why pods of a part do not serve: a word and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One word.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
    /// Since when, at the latest; `None` if that is not known.
    pub since: Option<Timestamp>,
}

impl Problem {
    /// Whether it has lasted so long that it will not go away by itself.
    #[must_use]
    pub fn is_standstill(&self, now: Timestamp) -> bool {
        let patience = match self.reason {
            "ProgressDeadlineExceeded" => return true,
            "Unschedulable" | "VolumePending" => SCHEDULER_PATIENCE,
            _ => KUBELET_PATIENCE,
        };
        self.since.is_some_and(|since| now.duration_since(since) >= patience)
    }
}

/// The condition of a part.
#[must_use]
pub fn of_workload(state: &PartState) -> Finding {
    let type_ = ConditionType::of(state.part);
    let problem = state.problem.as_ref();
    let Some(workload) = &state.workload else {
        return Finding::bad(type_, "Missing", "its workload does not exist yet");
    };
    match state.part {
        Part::MailService if workload.desired == 0 => {
            return Finding::bad(
                type_,
                "NoConsumers",
                "mail-service is scaled to 0 replicas, so no mail is delivered: scale its Deployment to at least 1",
            );
        }
        Part::UserService if workload.desired == 0 => {
            return Finding::bad(
                type_,
                "ScaledToZero",
                "user-service is scaled to 0 replicas, so users cannot sign in: scale its Deployment to at least 1",
            );
        }
        _ => {}
    }
    let counts = format!("{} of {} pods serve", workload.ready, workload.desired);
    let serves = workload.ready > 0 && workload.ready >= enough(state.part, workload);
    match problem {
        _ if workload.is_complete() && serves => Finding::good(type_, "Available", counts),
        None if serves => Finding::good(type_, "Updating", counts),
        None => Finding::bad(type_, "Starting", counts),
        Some(Problem { reason, message, .. }) => {
            let message = format!("{counts}; {message}");
            if serves {
                Finding::impaired(type_, reason, message)
            } else {
                Finding::bad(type_, reason, message)
            }
        }
    }
}

/// How many pods must serve for the part to do its work.
fn enough(part: Part, workload: &Workload) -> i32 {
    match part {
        Part::UserService => workload.fewest.map_or(workload.desired, |fewest| fewest.min(workload.desired)),
        Part::RabbitMq => workload.desired / 2 + 1,
        Part::Redis | Part::MailService => 1,
    }
}

#[cfg(test)]
mod tests;
