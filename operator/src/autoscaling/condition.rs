//! The condition `AutoscalingReady`. Pure.

use super::{
    registration::Slot,
    sample::{Sample, Unreadable},
};
use crate::{
    controller::conditions::{ConditionType, Finding},
    crd::services::{Autoscaling, AutoscalingProvider},
};

const AUTOSCALING_READY: ConditionType = ConditionType::AutoscalingReady;

/// What a person reads about a stack's autoscaling.
#[must_use]
pub fn finding(spec: &Autoscaling, slot: &Slot, backlog: Result<Sample, Unreadable>) -> Finding {
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
        AutoscalingProvider::Embedded => embedded(slot, backlog),
    }
}

fn embedded(slot: &Slot, backlog: Result<Sample, Unreadable>) -> Finding {
    let bad = |reason, message: String| Finding::bad(AUTOSCALING_READY, reason, message);
    match (slot, backlog) {
        (Slot::Foreign(owner), _) => bad(
            "ExternalMetricsProviderConflict",
            format!(
                "external metrics of this cluster come from {owner}, which was not changed: set \
                 mailService.autoscaling.provider to External with a metric that it serves, or to None, or remove it"
            ),
        ),
        (Slot::Unknown, _) => {
            Finding::unknown(AUTOSCALING_READY, "Starting", "the metrics API is being registered")
        }
        (Slot::Ours(Err(why)), _) => bad(
            "MetricsApiUnavailable",
            format!(
                "the API server does not reach the operator's metrics API ({why}); the number of mail consumers stays \
                 as it is: see the APIService v1beta1.external.metrics.k8s.io"
            ),
        ),
        (
            Slot::Ours(Ok(())),
            Err(why @ (Unreadable::NotYet | Unreadable::Incomplete | Unreadable::NoCredentials)),
        ) => Finding::unknown(AUTOSCALING_READY, why.reason(), why.to_string()),
        (Slot::Ours(Ok(())), Err(why)) => {
            bad(why.reason(), format!("{why}; the number of mail consumers stays as it is until then"))
        }
        (Slot::Ours(Ok(())), Ok(_)) => {
            Finding::good(AUTOSCALING_READY, "FollowsQueue", "the mail consumers follow the queue")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use k8s_openapi::jiff::Timestamp;

    use super::finding;
    use crate::{
        autoscaling::{
            registration::Slot,
            sample::{Sample, Unreadable},
        },
        crd::services::{Autoscaling, AutoscalingProvider},
    };

    fn good() -> Sample {
        Sample { messages: 1, consumers: 1, taken_at: Timestamp::UNIX_EPOCH, asked: Instant::now() }
    }

    #[test]
    fn each_state_has_a_reason_of_its_own() {
        let cases = [
            (Slot::Ours(Ok(())), Ok(good()), "True", "FollowsQueue"),
            (Slot::Ours(Ok(())), Err(Unreadable::NotYet), "Unknown", "WaitingForSample"),
            (Slot::Ours(Ok(())), Err(Unreadable::QueueMissing), "False", "QueueMissing"),
            (Slot::Ours(Err("EndpointsNotFound".to_owned())), Ok(good()), "False", "MetricsApiUnavailable"),
            (Slot::Unknown, Ok(good()), "Unknown", "Starting"),
            (
                Slot::Foreign("the Service x".to_owned()),
                Ok(good()),
                "False",
                "ExternalMetricsProviderConflict",
            ),
        ];
        for (slot, backlog, status, reason) in cases {
            let found = finding(&Autoscaling::default(), &slot, backlog);
            assert_eq!((found.status, found.reason.as_str()), (status, reason));
        }
    }

    #[test]
    fn who_does_not_use_the_embedded_metric_does_not_care_whose_the_place_is() {
        for provider in [AutoscalingProvider::External, AutoscalingProvider::None] {
            let spec = Autoscaling { provider, ..Autoscaling::default() };
            let found = finding(&spec, &Slot::Foreign("x".to_owned()), Err(Unreadable::NotRunning));
            assert_eq!(found.status, "True");
        }
    }
}
