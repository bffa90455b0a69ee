//! Objects of any kind: who owns their fields, and when a workload has rolled out.

use std::{fmt::Debug, time::Duration};

use kube::{Api, Resource, core::NamespaceResourceScope};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::wait::{chain, eventually, seen};

/// Whom the objects of cases belong to, for server-side apply.
pub(crate) const MANAGER: &str = "cluster-cases";

/// A namespaced kind of the API's own.
pub trait Kind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned
{
}
impl<K> Kind for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
{
}

/// Waits until a Deployment or StatefulSet runs its newest template only, with every replica ready.
pub(crate) async fn wait_rollout<K: Kind>(api: &Api<K>, name: &str, deadline: Duration) {
    eventually(format!("the rollout of {name}"), deadline, async || {
        let workload = api.get(name).await.map_err(chain)?;
        let workload = serde_json::to_value(workload).map_err(chain)?;
        seen(is_rolled_out(&workload), || workload["status"].to_string())
    })
    .await;
}

fn is_rolled_out(workload: &Value) -> bool {
    let status = &workload["status"];
    let wanted = workload["spec"]["replicas"].as_i64().unwrap_or(1);
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    // A Deployment has no revisions in its status: both are null there.
    count("observedGeneration") >= workload["metadata"]["generation"].as_i64().unwrap_or_default()
        && ["replicas", "updatedReplicas", "readyReplicas"].iter().all(|field| count(field) == wanted)
        && status["currentRevision"] == status["updateRevision"]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(generation: i64, updated: i64, current: &str) -> Value {
        json!({
            "metadata": { "generation": generation }, "spec": { "replicas": 3 },
            "status": { "observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "updatedReplicas": updated,
                        "currentRevision": current, "updateRevision": "b" },
        })
    }

    #[test]
    fn a_rollout_has_ended_when_every_replica_is_new_and_ready() {
        assert!(is_rolled_out(&workload(2, 3, "b")));
        assert!(!is_rolled_out(&workload(3, 3, "b")), "its newest template was not seen yet");
        assert!(!is_rolled_out(&workload(2, 2, "b")), "one replica is old");
        assert!(!is_rolled_out(&workload(2, 3, "a")), "the StatefulSet still moves");
    }

    #[test]
    fn a_workload_without_replicas_has_no_counts_in_its_status() {
        let none = json!({
            "metadata": { "generation": 1 }, "spec": { "replicas": 0 }, "status": { "observedGeneration": 1 },
        });
        assert!(is_rolled_out(&none));
    }
}
