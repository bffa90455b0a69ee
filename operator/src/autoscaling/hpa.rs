//! The `HorizontalPodAutoscaler`s of a stack: of its mail consumers, and of user-service where the spec asks for one. Pure.

use std::time::Duration;

use kube::Resource as _;
use pingstack_crd::{
    PingStack,
    services::{Autoscaling, AutoscalingProvider, UserServiceAutoscaling},
};
use serde_json::{Value, json};

use super::{
    route::Route,
    sample::provider::{LABEL, METRIC},
};
use crate::names::{Part, StackId};

/// How many pods are taken away at most in [`DOWN_PERIOD`].
pub const DOWN_PODS: i32 = 2;

/// In which time [`DOWN_PODS`] may go.
pub const DOWN_PERIOD: Duration = Duration::from_secs(30);

/// The autoscaler's manifest, or `None` where nobody is to scale.
///
/// `AverageValue`: pods = messages / `messagesPerReplica`, rounded up, whether or not the pods there are ready yet;
/// `Value` would wobble during rollouts. Up at once and all the way; down by at most 2 pods in 30 s, after the queue has been short for `scaleDownStabilizationSeconds`.
#[must_use]
pub fn manifest(id: &StackId, spec: &Autoscaling, route: Route) -> Option<Value> {
    let target = json!({ "type": "AverageValue", "averageValue": spec.messages_per_replica.to_string() });
    let external = |metric: &str| {
        let metric = json!({ "name": metric, "selector": { "matchLabels": { LABEL: id.name } } });
        json!({ "type": "External", "external": { "metric": metric, "target": target } })
    };
    let metric = match (spec.provider, route) {
        (AutoscalingProvider::External, _) => external(spec.external_metric_name.as_deref()?),
        (AutoscalingProvider::None, _)
        | (AutoscalingProvider::Embedded | AutoscalingProvider::Auto, Route::ByOperator) => return None,
        (AutoscalingProvider::Embedded | AutoscalingProvider::Auto, Route::ObjectMetric) => {
            let object = json!({
                "apiVersion": PingStack::api_version(&()), "kind": PingStack::kind(&()), "name": id.name,
            });
            json!({
                "type": "Object",
                "object": { "describedObject": object, "metric": { "name": METRIC }, "target": target },
            })
        }
        (
            AutoscalingProvider::Embedded | AutoscalingProvider::Auto,
            Route::ExternalMetric | Route::Barred,
        ) => external(METRIC),
    };
    let spec = json!({
        "minReplicas": spec.min_replicas,
        "maxReplicas": spec.max_replicas,
        "metrics": [metric],
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Max",
                "policies": [{ "type": "Pods", "value": spec.max_replicas, "periodSeconds": 15 }],
            },
            "scaleDown": {
                "stabilizationWindowSeconds": spec.scale_down_stabilization_seconds,
                "selectPolicy": "Max",
                "policies": [{ "type": "Pods", "value": DOWN_PODS, "periodSeconds": DOWN_PERIOD.as_secs() }],
            },
        },
    });
    Some(autoscaler(id, Part::MailService, spec))
}

/// The manifest of user-service's: as many pods as keep the CPU that they use, as a share of what they request, at the target.
/// Only the service's own container counts: with a sidecar that requests no CPU, a share of the whole pod cannot be computed.
#[must_use]
pub fn of_user_service(id: &StackId, spec: &UserServiceAutoscaling) -> Value {
    let spec = json!({
        "minReplicas": spec.min_replicas,
        "maxReplicas": spec.max_replicas,
        "metrics": [{
            "type": "ContainerResource",
            "containerResource": {
                "name": "cpu",
                "container": Part::UserService.name(),
                "target": { "type": "Utilization", "averageUtilization": spec.target_cpu_percent },
            },
        }],
        "behavior": spec.behavior,
    });
    autoscaler(id, Part::UserService, spec)
}

fn autoscaler(id: &StackId, part: Part, mut spec: Value) -> Value {
    let name = id.part(part);
    spec["scaleTargetRef"] = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name });
    json!({
        "metadata": {
            "name": name,
            "namespace": id.namespace,
            "labels": id.labels(part),
            "ownerReferences": [id.owner_reference()],
        },
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use kube::Resource as _;
    use pingstack_crd::services::{Autoscaling, AutoscalingProvider, UserServiceAutoscaling};
    use serde_json::json;

    use super::{PingStack, manifest, of_user_service};
    use crate::{autoscaling::route::Route, names::StackId};

    fn id() -> StackId {
        StackId { namespace: "shop".to_owned(), name: "demo".to_owned(), uid: "uid-1".to_owned() }
    }

    #[test]
    fn the_embedded_metric_is_asked_for_by_the_stacks_name() {
        insta::assert_yaml_snapshot!(manifest(&id(), &Autoscaling::default(), Route::ExternalMetric));
    }

    #[test]
    fn an_external_metric_has_the_users_name() {
        let spec = Autoscaling {
            provider: AutoscalingProvider::External,
            external_metric_name: Some("s0-rabbitmq-send-otp".to_owned()),
            ..Autoscaling::default()
        };
        let built = manifest(&id(), &spec, Route::ExternalMetric).unwrap();
        assert_eq!(built["spec"]["metrics"][0]["external"]["metric"]["name"], "s0-rabbitmq-send-otp");
    }

    #[test]
    fn an_object_metric_is_asked_of_the_stack_itself() {
        for provider in [AutoscalingProvider::Embedded, AutoscalingProvider::Auto] {
            let spec = Autoscaling { provider, ..Autoscaling::default() };
            let built = manifest(&id(), &spec, Route::ObjectMetric).unwrap();
            let object = json!({
                "apiVersion": PingStack::api_version(&()), "kind": "PingStack", "name": "demo",
            });
            let expected = json!([{ "type": "Object", "object": {
                "describedObject": object,
                "metric": { "name": "pingstack_mail_backlog" },
                "target": { "type": "AverageValue", "averageValue": "50" },
            } }]);
            assert_eq!(built["spec"]["metrics"], expected);
            let external = manifest(&id(), &spec, Route::ExternalMetric).unwrap();
            assert_eq!(built["spec"]["behavior"], external["spec"]["behavior"]);
        }
    }

    #[test]
    fn where_the_operator_scales_there_is_no_autoscaler() {
        let spec = Autoscaling { provider: AutoscalingProvider::Auto, ..Autoscaling::default() };
        assert_eq!(manifest(&id(), &spec, Route::ByOperator), None);
    }

    #[test]
    fn user_service_follows_the_cpu_that_it_uses() {
        let behavior = serde_json::from_value(json!({
            "scaleDown": { "stabilizationWindowSeconds": 60, "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 30 }] },
        }));
        let spec =
            UserServiceAutoscaling { behavior: Some(behavior.unwrap()), ..UserServiceAutoscaling::default() };
        insta::assert_yaml_snapshot!(of_user_service(&id(), &spec));
    }

    #[test]
    fn provider_none_has_no_autoscaler() {
        let spec = Autoscaling { provider: AutoscalingProvider::None, ..Autoscaling::default() };
        assert_eq!(manifest(&id(), &spec, Route::ExternalMetric), None);
    }
}
