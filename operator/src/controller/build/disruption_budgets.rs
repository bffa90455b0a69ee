//! How many pods an eviction may take at a time: one, where there is more than one.

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
    let replicas = [
        (Part::RabbitMq, brokers),
        (Part::UserService, stack.spec.user_service.replicas),
        (Part::MailService, stack.spec.mail_service.autoscaling.max_replicas),
    ];
    let several = replicas.into_iter().filter(|(_, replicas)| *replicas > 1);
    several.map(|(part, _)| budget(stack, part)).collect()
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
