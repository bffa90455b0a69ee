//! The `HorizontalPodAutoscaler` of a stack's mail consumers. Pure.

use serde_json::{Value, json};

use super::discovery::{LABEL, METRIC};
use crate::{
    crd::services::{Autoscaling, AutoscalingProvider},
    names::{Part, StackId},
};

/// The autoscaler's manifest, or `None` where nobody is to scale.
///
/// `AverageValue`: pods = messages / `messagesPerReplica`, rounded up, whether or not the pods there are ready yet;
/// `Value` would wobble during rollouts. Up at once and all the way; down by at most 2 pods in 30 s, after the queue has been short for `scaleDownStabilizationSeconds`.
#[must_use]
pub fn manifest(id: &StackId, spec: &Autoscaling) -> Option<Value> {
    let metric = match spec.provider {
        AutoscalingProvider::Embedded => METRIC,
        AutoscalingProvider::External => spec.external_metric_name.as_deref()?,
        AutoscalingProvider::None => return None,
    };
    let name = id.part(Part::MailService);
    Some(json!({
        "metadata": {
            "name": name,
            "namespace": id.namespace,
            "labels": id.labels(Part::MailService),
            "ownerReferences": [id.owner_reference()],
        },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
            "minReplicas": spec.min_replicas,
            "maxReplicas": spec.max_replicas,
            "metrics": [{
                "type": "External",
                "external": {
                    "metric": { "name": metric, "selector": { "matchLabels": { LABEL: id.name } } },
                    "target": { "type": "AverageValue", "averageValue": spec.messages_per_replica.to_string() },
                },
            }],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [{ "type": "Pods", "value": spec.max_replicas, "periodSeconds": 15 }],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": spec.scale_down_stabilization_seconds,
                    "selectPolicy": "Max",
                    "policies": [{ "type": "Pods", "value": 2, "periodSeconds": 30 }],
                },
            },
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::manifest;
    use crate::{
        crd::services::{Autoscaling, AutoscalingProvider},
        names::StackId,
    };

    fn id() -> StackId {
        StackId { namespace: "shop".to_owned(), name: "demo".to_owned(), uid: "uid-1".to_owned() }
    }

    #[test]
    fn the_embedded_metric_is_asked_for_by_the_stacks_name() {
        insta::assert_yaml_snapshot!(manifest(&id(), &Autoscaling::default()));
    }

    #[test]
    fn an_external_metric_has_the_users_name() {
        let spec = Autoscaling {
            provider: AutoscalingProvider::External,
            external_metric_name: Some("s0-rabbitmq-send-otp".to_owned()),
            ..Autoscaling::default()
        };
        let built = manifest(&id(), &spec).unwrap();
        assert_eq!(built["spec"]["metrics"][0]["external"]["metric"]["name"], "s0-rabbitmq-send-otp");
    }

    #[test]
    fn provider_none_has_no_autoscaler() {
        let spec = Autoscaling { provider: AutoscalingProvider::None, ..Autoscaling::default() };
        assert_eq!(manifest(&id(), &spec), None);
    }
}
