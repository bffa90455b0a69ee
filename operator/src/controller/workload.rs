//! How far a Deployment or a StatefulSet is, pure.

use k8s_openapi::{
    api::apps::v1::{Deployment, DeploymentCondition, StatefulSet},
    jiff::Timestamp,
};

use crate::autoscaling::replicas;

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload {
    /// How many pods it shall have.
    pub desired: i32,
    /// How many are enough: more are there because somebody scales them. `None` where all of them are wanted.
    pub fewest: Option<i32>,
    /// How many it has, old and new.
    pub pods: i32,
    /// How many are of the newest template.
    pub updated: i32,
    /// How many serve.
    pub ready: i32,
    /// Whether the numbers speak of the newest spec.
    pub observed: bool,
    /// Why pods cannot be made: a quota, an admission policy.
    pub refused: Option<Refused>,
    /// Kubernetes has given up waiting for new pods of a Deployment.
    pub deadline_exceeded: bool,
}

/// The API server does not let pods be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it says.
    pub message: String,
    /// Since when; `None` if that is not known.
    pub since: Option<Timestamp>,
}

impl Workload {
    /// All pods are of the newest template and serve.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let all = [self.pods, self.updated, self.ready];
        self.observed && all.into_iter().all(|count| count == self.desired)
    }

    /// A change of the template is on its way: pods of the old one are left, or the numbers are older than the change.
    #[must_use]
    pub fn is_rolling(&self) -> bool {
        !self.observed || self.updated != self.pods
    }
}

impl From<&Deployment> for Workload {
    fn from(deployment: &Deployment) -> Self {
        let status = deployment.status.clone().unwrap_or_default();
        let conditions = || status.conditions.iter().flatten();
        let refused = conditions().find(|condition| condition.type_ == "ReplicaFailure");
        Self {
            desired: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            fewest: replicas::fewest(deployment),
            pods: status.replicas.unwrap_or(0),
            updated: status.updated_replicas.unwrap_or(0),
            ready: status.available_replicas.unwrap_or(0),
            observed: status.observed_generation == deployment.metadata.generation,
            refused: refused.and_then(refusal),
            deadline_exceeded: conditions().any(|condition| {
                condition.type_ == "Progressing"
                    && condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
            }),
        }
    }
}

impl From<&StatefulSet> for Workload {
    fn from(set: &StatefulSet) -> Self {
        let status = set.status.clone().unwrap_or_default();
        // After a finished roll the controller counts updated pods as current ones.
        let rolled = status.update_revision.is_none() || status.update_revision == status.current_revision;
        Self {
            desired: set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            fewest: None,
            pods: status.replicas,
            updated: if rolled { status.replicas } else { status.updated_replicas.unwrap_or(0) },
            ready: status.available_replicas.unwrap_or(0),
            observed: status.observed_generation == set.metadata.generation,
            refused: None,
            deadline_exceeded: false,
        }
    }
}

fn refusal(condition: &DeploymentCondition) -> Option<Refused> {
    let since = condition.last_transition_time.as_ref().map(|time| time.0);
    Some(Refused { message: condition.message.clone()?, since })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
    use serde_json::{from_value, json};

    use super::Workload;

    #[test]
    fn a_deployment_in_the_middle_of_a_roll_is_not_complete() {
        let status = |pods: i32, updated: i32, observed: i64| {
            from_value::<Deployment>(json!({
                "metadata": { "generation": 4 },
                "spec": { "replicas": 2, "selector": {}, "template": {} },
                "status": {
                    "replicas": pods, "updatedReplicas": updated, "availableReplicas": 2, "observedGeneration": observed,
                },
            }))
            .unwrap()
        };
        assert!(Workload::from(&status(2, 2, 4)).is_complete());
        assert!(!Workload::from(&status(3, 2, 4)).is_complete(), "an old pod is left");
        assert!(!Workload::from(&status(2, 1, 4)).is_complete(), "a new pod is missing");
        assert!(!Workload::from(&status(2, 2, 3)).is_complete(), "the numbers are old");
    }

    #[test]
    fn a_stateful_set_that_waits_for_its_roll_is_not_complete() {
        let status = |update_revision: &str| {
            from_value::<StatefulSet>(json!({
                "metadata": { "generation": 1 },
                "spec": { "replicas": 1, "selector": {}, "template": {}, "serviceName": "x" },
                "status": {
                    "replicas": 1, "availableReplicas": 1, "observedGeneration": 1,
                    "currentRevision": "one", "updateRevision": update_revision,
                },
            }))
            .unwrap()
        };
        assert!(Workload::from(&status("one")).is_complete());
        assert!(!Workload::from(&status("two")).is_complete());
    }
}
