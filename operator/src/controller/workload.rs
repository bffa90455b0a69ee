//! How far a Deployment or a StatefulSet is, pure.

use std::sync::Arc;

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentCondition, StatefulSet},
        core::v1::Pod,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
    jiff::Timestamp,
};

use crate::{autoscaling::replicas, names::CONFIG_HASH_ANNOTATION};

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

/// Whether the pods of a Deployment are complete, and none of another configuration runs: the status does not count pods that end,
/// and one on a node that is cut off goes on meanwhile.
#[must_use]
pub fn has_rolled(deployment: &Deployment, pods: &[Arc<Pod>]) -> bool {
    let hash = |metadata: &ObjectMeta| metadata.annotations.as_ref()?.get(CONFIG_HASH_ANNOTATION).cloned();
    let template = deployment.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
    let current = template.and_then(hash);
    let has_ended = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    };
    let is_old = |pod: &Arc<Pod>| hash(&pod.metadata) != current && !has_ended(pod);
    Workload::from(deployment).is_complete() && !pods.iter().any(is_old)
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
    use std::sync::Arc;

    use k8s_openapi::api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::Pod,
    };
    use serde_json::{from_value, json};

    use super::{Workload, has_rolled};

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

    #[test]
    fn a_rollout_has_ended_when_no_pod_of_another_configuration_runs() {
        let deployment = from_value::<Deployment>(json!({
            "metadata": { "generation": 1 },
            "spec": {
                "replicas": 1, "selector": {},
                "template": { "metadata": { "annotations": { "pingstack.dev/config-hash": "new" } } },
            },
            "status": { "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1 },
        }))
        .unwrap();
        let pod = |hash: &str, phase: &str| {
            let metadata = json!({
                "name": hash, "annotations": { "pingstack.dev/config-hash": hash },
                "deletionTimestamp": "2026-01-01T00:00:00Z",
            });
            Arc::new(
                from_value::<Pod>(json!({ "metadata": metadata, "status": { "phase": phase } })).unwrap(),
            )
        };
        assert!(has_rolled(&deployment, &[]));
        assert!(has_rolled(&deployment, &[pod("new", "Running")]));
        assert!(
            !has_rolled(&deployment, &[pod("new", "Running"), pod("old", "Running")]),
            "the old one ends"
        );
        assert!(has_rolled(&deployment, &[pod("new", "Running"), pod("old", "Failed")]), "it was evicted");
        let mut incomplete = deployment;
        incomplete.status.as_mut().unwrap().updated_replicas = Some(0);
        assert!(!has_rolled(&incomplete, &[]));
    }
}
