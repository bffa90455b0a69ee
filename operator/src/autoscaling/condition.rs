//! The condition `AutoscalingReady`. Pure.

use external_metrics::{MetricsGroup, Slot, Slots};
use k8s_openapi::{
    api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use pingstack_crd::services::{Autoscaling, AutoscalingProvider};

use super::{
    route::{Route, route},
    sample::{Sample, Unreadable},
};
use crate::conditions::{ConditionType, Finding};

const AUTOSCALING_READY: ConditionType = ConditionType::AutoscalingReady;

/// What a person reads about a stack's autoscaling.
#[must_use]
pub fn finding(spec: &Autoscaling, slots: &Slots, backlog: Result<Sample, Unreadable>) -> Finding {
    match spec.provider {
        AutoscalingProvider::None => Finding::good(
            AUTOSCALING_READY,
            "Off",
            "the mail consumers are not scaled, because mailService.autoscaling.provider is None",
        ),
        AutoscalingProvider::External => {
            let metric = spec.external_metric_name.as_deref().unwrap_or_default();
            Finding::good(
                AUTOSCALING_READY,
                "External",
                format!("the mail consumers follow the metric {metric}, which another provider serves"),
            )
        }
        AutoscalingProvider::Embedded | AutoscalingProvider::Auto => served(spec.provider, slots, backlog),
    }
}

fn served(provider: AutoscalingProvider, slots: &Slots, backlog: Result<Sample, Unreadable>) -> Finding {
    let Some(route) = route(provider, slots) else {
        return Finding::unknown(AUTOSCALING_READY, "Starting", "the metrics API is being registered");
    };
    match (route, backlog) {
        (Route::Barred, _) => Finding::bad(
            AUTOSCALING_READY,
            "ExternalMetricsProviderConflict",
            format!(
                "{}, neither of which was changed: set mailService.autoscaling.provider to Auto, with which the operator \
                 scales by itself, to External with a metric that is served there, or to None; or remove one of them",
                owners(slots)
            ),
        ),
        (_, backlog) => {
            if let Some(unavailable) = unavailable(route, slots) {
                return unavailable;
            }
            match backlog {
                Err(why @ (Unreadable::NotYet | Unreadable::Incomplete | Unreadable::NoCredentials)) => {
                    Finding::unknown(AUTOSCALING_READY, why.reason(), why.to_string())
                }
                Err(why) => Finding::bad(
                    AUTOSCALING_READY,
                    why.reason(),
                    format!("{why}; the number of mail consumers stays as it is until then"),
                ),
                Ok(_) => follows(route, slots),
            }
        }
    }
}

/// How long an autoscaler may read no metrics: those of pods that just started are there after a minute or two.
const PATIENCE: SignedDuration = SignedDuration::from_mins(3);
/// The API that the route needs is ours, and cannot be reached.
fn unavailable(route: Route, slots: &Slots) -> Option<Finding> {
    let (group, slot) = match route {
        Route::ExternalMetric => (MetricsGroup::External, &slots.external),
        Route::ObjectMetric => (MetricsGroup::Custom, &slots.custom),
        Route::ByOperator | Route::Barred => return None,
    };
    let Slot::Ours(Err(why)) = slot else { return None };
    Some(Finding::bad(
        AUTOSCALING_READY,
        "MetricsApiUnavailable",
        format!(
            "the API server does not reach the operator's metrics API ({why}); the number of mail consumers stays \
             as it is: see the APIService {}",
            group.api_service()
        ),
    ))
}

fn follows(route: Route, slots: &Slots) -> Finding {
    let (reason, message) = match route {
        Route::ExternalMetric | Route::Barred => {
            ("FollowsQueue", "the mail consumers follow the queue".to_owned())
        }
        Route::ObjectMetric => (
            "FollowsObjectMetric",
            format!(
                "the mail consumers follow the queue by an Object metric, which the operator serves as \
                 custom.metrics.k8s.io: {}",
                owners(slots)
            ),
        ),
        Route::ByOperator => (
            "ScaledByOperator",
            format!(
                "the operator itself sets the number of mail consumers by the queue, within the bounds of the spec: {}",
                owners(slots)
            ),
        ),
    };
    Finding::good(AUTOSCALING_READY, reason, message)
}

/// Whose the APIs are that are not ours.
fn owners(slots: &Slots) -> String {
    let of = |what: &str, slot: &Slot| match slot {
        Slot::Foreign(owner) => Some(format!("{what} metrics of this cluster come from {owner}")),
        Slot::Ours(_) | Slot::Unknown => None,
    };
    let both = [of("external", &slots.external), of("custom", &slots.custom)];
    both.into_iter().flatten().collect::<Vec<_>>().join(", and ")
}

/// The same with what user-service's autoscaler says, where there is one: it cannot read what the pods use, so that their
/// number stays as it is.
#[must_use]
pub fn with_user_service(
    finding: Finding,
    autoscaler: Option<&HorizontalPodAutoscaler>,
    now: Timestamp,
) -> Finding {
    let conditions = autoscaler.and_then(|autoscaler| autoscaler.status.as_ref()?.conditions.as_ref());
    let inactive = |condition: &&HorizontalPodAutoscalerCondition| {
        let lasts = |since: &Time| now.duration_since(since.0) >= PATIENCE;
        condition.type_ == "ScalingActive"
            && condition.status == "False"
            // At 0 pods there is nothing to read.
            && condition.reason.as_deref() != Some("ScalingDisabled")
            && condition.last_transition_time.as_ref().is_none_or(lasts)
    };
    match conditions.into_iter().flatten().find(inactive) {
        Some(condition) if finding.status == "True" => Finding::impaired(
            AUTOSCALING_READY,
            "UserServiceNotScaled",
            format!(
                "the number of user-service pods stays as it is, because its autoscaler reads no CPU: {}; \
                 install metrics-server, or leave out userService.autoscaling",
                condition.message.as_deref().unwrap_or("no reason was given")
            ),
        ),
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use external_metrics::{Slot, Slots};
    use k8s_openapi::jiff::Timestamp;
    use pingstack_crd::services::{Autoscaling, AutoscalingProvider};
    use serde_json::{from_value, json};

    use super::{finding, with_user_service};
    use crate::autoscaling::sample::{Sample, Unreadable};

    fn good() -> Sample {
        Sample { messages: 1, consumers: 1, taken_at: Timestamp::UNIX_EPOCH, asked: Instant::now() }
    }

    fn slots(external: Slot, custom: Slot) -> Slots {
        Slots { external, custom }
    }

    fn ours() -> Slots {
        slots(Slot::Ours(Ok(())), Slot::Unknown)
    }

    fn foreign(name: &str) -> Slot {
        Slot::Foreign(format!("the Service {name} in the namespace other"))
    }

    #[test]
    fn each_state_has_a_reason_of_its_own() {
        let unreachable = || Slot::Ours(Err("EndpointsNotFound".to_owned()));
        let cases = [
            (ours(), Ok(good()), "True", "FollowsQueue"),
            (ours(), Err(Unreadable::NotYet), "Unknown", "WaitingForSample"),
            (ours(), Err(Unreadable::QueueMissing), "False", "QueueMissing"),
            (slots(unreachable(), Slot::Unknown), Ok(good()), "False", "MetricsApiUnavailable"),
            (Slots::default(), Ok(good()), "Unknown", "Starting"),
            (slots(foreign("keda"), Slot::Unknown), Ok(good()), "Unknown", "Starting"),
            (slots(foreign("keda"), Slot::Ours(Ok(()))), Ok(good()), "True", "FollowsObjectMetric"),
            (slots(foreign("keda"), unreachable()), Ok(good()), "False", "MetricsApiUnavailable"),
            (
                slots(foreign("keda"), Slot::Ours(Ok(()))),
                Err(Unreadable::QueueMissing),
                "False",
                "QueueMissing",
            ),
            (
                slots(foreign("keda"), foreign("adapter")),
                Ok(good()),
                "False",
                "ExternalMetricsProviderConflict",
            ),
        ];
        for (slots, backlog, status, reason) in cases {
            let found = finding(&Autoscaling::default(), &slots, backlog);
            assert_eq!((found.status, found.reason.as_str()), (status, reason));
        }
    }

    #[test]
    fn who_scales_is_said_with_whose_the_apis_are() {
        let auto = Autoscaling { provider: AutoscalingProvider::Auto, ..Autoscaling::default() };
        let both = slots(foreign("keda"), foreign("adapter"));
        let found = finding(&auto, &both, Ok(good()));
        assert_eq!((found.status, found.reason.as_str()), ("True", "ScaledByOperator"));
        assert_eq!(
            found.message,
            "the operator itself sets the number of mail consumers by the queue, within the bounds of the spec: external \
             metrics of this cluster come from the Service keda in the namespace other, and custom metrics of this cluster \
             come from the Service adapter in the namespace other"
        );
        assert_eq!(finding(&auto, &both, Err(Unreadable::QueueMissing)).reason, "QueueMissing");
        assert_eq!(finding(&auto, &ours(), Ok(good())).reason, "FollowsQueue");
        let object = slots(foreign("keda"), Slot::Ours(Ok(())));
        let message = finding(&auto, &object, Ok(good())).message;
        assert!(
            message.contains(
                "custom.metrics.k8s.io: external metrics of this cluster come from the Service keda"
            )
        );
        let message = finding(&Autoscaling::default(), &both, Ok(good())).message;
        assert!(message.contains("provider to Auto") && message.contains("the Service adapter"), "{message}");
    }

    #[test]
    fn an_autoscaler_of_user_service_that_reads_no_cpu_is_named_and_lowers_nothing() {
        let spec = Autoscaling::default();
        let after = |seconds: i64, status: &str, reason: &str| {
            let why = "the server could not find the requested resource (get pods.metrics.k8s.io)";
            let condition = json!({
                "type": "ScalingActive", "status": status, "reason": reason, "message": why,
                "lastTransitionTime": "1970-01-01T00:00:00Z",
            });
            let status = json!({ "conditions": [condition], "currentMetrics": [], "desiredReplicas": 2 });
            let autoscaler = from_value(json!({ "metadata": {}, "status": status })).unwrap();
            let now = Timestamp::from_second(seconds).unwrap();
            with_user_service(finding(&spec, &ours(), Ok(good())), Some(&autoscaler), now)
        };
        let of = |status: &str| after(200, status, "FailedGetContainerResourceMetric");
        let found = of("False");
        assert_eq!(
            (found.status, found.reason.as_str(), found.impaired),
            ("True", "UserServiceNotScaled", true)
        );
        assert!(found.message.contains("pods.metrics.k8s.io") && found.message.contains("metrics-server"));
        assert_eq!(of("True").reason, "FollowsQueue");
        // Pods that have just started have no metrics yet, and no pods have none.
        assert_eq!(after(100, "False", "FailedGetContainerResourceMetric").reason, "FollowsQueue");
        assert_eq!(after(200, "False", "ScalingDisabled").reason, "FollowsQueue");
        let broken = finding(&spec, &ours(), Err(Unreadable::QueueMissing));
        assert_eq!(with_user_service(broken, None, Timestamp::UNIX_EPOCH).reason, "QueueMissing");
    }

    #[test]
    fn who_does_not_use_the_embedded_metric_does_not_care_whose_the_place_is() {
        for provider in [AutoscalingProvider::External, AutoscalingProvider::None] {
            let spec = Autoscaling { provider, ..Autoscaling::default() };
            let found = finding(&spec, &slots(foreign("x"), foreign("y")), Err(Unreadable::NotRunning));
            assert_eq!(found.status, "True");
        }
    }
}
