//! How the backlog of a stack gets to what scales its mail consumers. Pure.

use external_metrics::{Slot, Slots};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use pingstack_crd::services::AutoscalingProvider;

/// The way of a number from the queue to the Deployment, where the operator serves it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Route {
    /// By an autoscaler that asks `external.metrics.k8s.io`.
    #[default]
    ExternalMetric,
    /// By an autoscaler that asks `custom.metrics.k8s.io` about the `PingStack`.
    ObjectMetric,
    /// By the operator itself.
    ByOperator,
    /// Both APIs belong to somebody else.
    Barred,
}

/// The route by whose the APIs are; `None` while that is not known.
#[must_use]
pub fn route(provider: AutoscalingProvider, slots: &Slots) -> Option<Route> {
    match (&slots.external, &slots.custom) {
        (Slot::Ours(_), _) => Some(Route::ExternalMetric),
        (Slot::Unknown, _) | (Slot::Foreign(_), Slot::Unknown) => None,
        (Slot::Foreign(_), Slot::Ours(_)) => Some(Route::ObjectMetric),
        (Slot::Foreign(_), Slot::Foreign(_)) if provider == AutoscalingProvider::Auto => {
            Some(Route::ByOperator)
        }
        (Slot::Foreign(_), Slot::Foreign(_)) => Some(Route::Barred),
    }
}

/// The route that was taken before, by the autoscaler that is there: a leader that has just begun does not know whose the APIs
/// are. `scaled` is whether the Deployment is there.
#[must_use]
pub fn taken_before(
    provider: AutoscalingProvider,
    autoscaler: Option<&HorizontalPodAutoscaler>,
    scaled: bool,
) -> Route {
    let Some(autoscaler) = autoscaler else {
        let by_operator = scaled && provider == AutoscalingProvider::Auto;
        return if by_operator { Route::ByOperator } else { Route::ExternalMetric };
    };
    let metrics = autoscaler.spec.as_ref().and_then(|spec| spec.metrics.as_ref());
    let is_object = metrics.into_iter().flatten().any(|metric| metric.object.is_some());
    if is_object { Route::ObjectMetric } else { Route::ExternalMetric }
}

#[cfg(test)]
mod tests {
    use pingstack_crd::services::{Autoscaling, AutoscalingProvider};
    use serde_json::{from_value, json};

    use super::{Route, Slot, Slots, route, taken_before};
    use crate::{autoscaling::hpa, names::StackId};

    #[test]
    fn the_external_api_comes_first_then_the_custom_one_then_the_operator_if_it_may() {
        let foreign = || Slot::Foreign("the Service keda".to_owned());
        let ours = || Slot::Ours(Ok(()));
        let cases = [
            (ours(), Slot::Unknown, Some(Route::ExternalMetric), Some(Route::ExternalMetric)),
            (ours(), foreign(), Some(Route::ExternalMetric), Some(Route::ExternalMetric)),
            (Slot::Unknown, foreign(), None, None),
            (foreign(), Slot::Unknown, None, None),
            (foreign(), ours(), Some(Route::ObjectMetric), Some(Route::ObjectMetric)),
            (foreign(), foreign(), Some(Route::Barred), Some(Route::ByOperator)),
        ];
        for (external, custom, embedded, auto) in cases {
            let slots = Slots { external, custom };
            assert_eq!(route(AutoscalingProvider::Embedded, &slots), embedded, "{slots:?}");
            assert_eq!(route(AutoscalingProvider::Auto, &slots), auto, "{slots:?}");
        }
    }

    #[test]
    fn a_new_leader_goes_on_as_the_one_before() {
        let id = StackId { namespace: "shop".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
        for provider in [AutoscalingProvider::Embedded, AutoscalingProvider::Auto] {
            let spec = Autoscaling { provider, ..Autoscaling::default() };
            for route in [Route::ExternalMetric, Route::ObjectMetric] {
                let made = hpa::manifest(&id, &spec, route).map(|manifest| from_value(manifest).unwrap());
                assert_eq!(taken_before(provider, made.as_ref(), true), route);
            }
            assert_eq!(taken_before(provider, None, false), Route::ExternalMetric, "a new stack");
        }
        assert_eq!(taken_before(AutoscalingProvider::Auto, None, true), Route::ByOperator);
        assert_eq!(taken_before(AutoscalingProvider::Embedded, None, true), Route::ExternalMetric);
        let empty = from_value(json!({ "metadata": {} })).unwrap();
        assert_eq!(taken_before(AutoscalingProvider::Auto, Some(&empty), true), Route::ExternalMetric);
    }
}
