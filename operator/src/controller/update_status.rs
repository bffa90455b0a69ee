//! Step 5, writes: the status, only where it differs, and an Event for each condition that changed.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use pingstack_crd::{
    PingStack,
    status::{PingStackStatus, SyntheticLoginStatus},
};
use serde_json::{Value, json};

use super::{Context, node_loss};
use crate::{
    conditions::{self, ConditionType, Finding},
    events::Notice,
    names::{MANAGER, StackId},
};

mod changes;
mod known;

#[cfg(test)]
pub(in crate::controller) use known::examples_of_a_pause;
pub use known::{Failure, Known, Weight, after_apply, after_failure, after_refusal, past};

/// The status could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not take it.
    #[error("the status cannot be written")]
    Patch(#[source] kube::Error),
}

/// Writes it, if it differs.
pub async fn update_status(
    context: &Context,
    id: &StackId,
    stack: &PingStack,
    known: Known,
) -> Result<(), Error> {
    let before = stack.status.clone().unwrap_or_default();
    let now = Time(Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default());
    let mut findings = known.findings;
    note_pause(&mut findings, stack.spec.paused);
    let impaired = findings.iter().filter(|finding| finding.impaired).map(|finding| finding.type_);
    let impaired = impaired.collect::<Vec<_>>();
    let mut after = PingStackStatus {
        observed_generation: stack.metadata.generation,
        conditions: conditions::stamp(findings, &before.conditions, stack.metadata.generation, &now),
        queue: before.queue.clone(),
        synthetic_login: context.synthetic_logins.status(id, stack),
    };
    // A failure says nothing about the parts: what was known of them stays.
    let mentioned = |old: &Condition| after.conditions.iter().any(|new| new.type_ == old.type_);
    let kept = before.conditions.iter().filter(|old| is_wanted(stack, old) && !mentioned(old));
    let kept = kept.cloned().collect::<Vec<_>>();
    after.conditions.extend(kept);
    context.metrics.conditions.set(id, &after.conditions, &impaired);
    if after == before {
        return Ok(());
    }
    let api = Api::<PingStack>::namespaced(context.client.clone(), &id.namespace);
    // What this pass knows of the queue may be older than the status by now: `queue_status.rs` writes it.
    let status = PingStackStatus { queue: None, ..after.clone() };
    let mut patch = json!({ "metadata": { "uid": id.uid }, "status": status });
    if after.synthetic_login != before.synthetic_login {
        let last = after.synthetic_login.as_ref();
        patch["status"]["syntheticLogin"] = last.map_or(Value::Null, SyntheticLoginStatus::as_patch);
    }
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    api.patch_status(&id.name, &params, &Patch::Merge(&patch)).await.map_err(Error::Patch)?;
    let pass = changes::Pass {
        before: &before.conditions,
        after: &after.conditions,
        impaired: &impaired,
        redis_is_managed: stack.spec.redis.managed.is_some(),
        broker_is_managed: stack.spec.rabbitmq.managed.is_some(),
    };
    for condition in pass.changes() {
        context.events.notify(id, Notice::condition(condition, pass.is_warning(condition))).await;
    }
    Ok(())
}

/// Whether a condition of which nothing new is known stays.
fn is_wanted(stack: &PingStack, old: &Condition) -> bool {
    match ConditionType::named(&old.type_) {
        Some(ConditionType::MonitoringReady) => {
            let monitoring = &stack.spec.monitoring;
            monitoring.service_monitor || monitoring.prometheus_rule
        }
        Some(ConditionType::BrokersSurviveNodeLoss) => {
            let brokers = stack.spec.rabbitmq.managed.as_ref().map_or(0, |brokers| brokers.replicas);
            brokers >= node_loss::FEWEST
        }
        Some(ConditionType::TemplatesReady) => stack.spec.mail.is_branded(),
        Some(ConditionType::PodTemplatesApplied) => stack.spec.has_pod_template(),
        Some(ConditionType::IngressAdmitted) => {
            stack.spec.user_service.ingress.is_some() && stack.spec.network_policy.enabled
        }
        Some(ConditionType::SignInWorks) => stack.spec.monitoring.synthetic_login.is_some(),
        Some(ConditionType::TestMailSent) => stack.spec.smtp.test_recipient.is_some(),
        Some(type_) => !type_.is_transient(),
        None => true,
    }
}

pub(super) fn note_pause(findings: &mut Vec<Finding>, paused: bool) {
    if paused {
        let message = "nothing is changed until spec.paused is false again";
        findings.push(Finding::good(ConditionType::Paused, "Paused", message));
    }
}

#[cfg(test)]
mod tests;
