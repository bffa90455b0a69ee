//! How many pods an eviction may take at a time: one.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::{Error, metadata, object};
use crate::{
    controller::validate::{BrokerTarget, ValidatedStack},
    names::Part,
};

pub(super) fn build(stack: &ValidatedStack) -> Result<Vec<PodDisruptionBudget>, Error> {
    let brokers = match &stack.broker {
        BrokerTarget::Managed(spec) => spec.replicas,
        BrokerTarget::External(_) => 0,
    };
    // The number of a service's pods may be set by others. A budget does not block the eviction of a single pod.
    let mut parts = vec![Part::UserService, Part::MailService];
    if brokers > 1 {
        parts.insert(0, Part::RabbitMq);
    }
    parts.into_iter().map(|part| budget(stack, part)).collect()
}

fn budget(stack: &ValidatedStack, part: Part) -> Result<PodDisruptionBudget, Error> {
    object(json!({
        "metadata": metadata(&stack.id, part, &stack.id.part(part)),
        "spec": {
            "maxUnavailable": 1,
            // A pod that is not ready serves nobody: evicting it costs nothing.
            "unhealthyPodEvictionPolicy": if part == Part::RabbitMq { "IfHealthyBudget" } else { "AlwaysAllow" },
            "selector": { "matchLabels": stack.id.selector(part) },
        },
    }))
}
