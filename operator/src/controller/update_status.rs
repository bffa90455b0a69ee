//! Step 5, writes: the status, only where it differs, and an Event for each condition that changed.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{
    Context,
    conditions::{self, ConditionType, Finding},
    node_loss,
};
use crate::{
    crd::{PingStack, status::PingStackStatus},
    events::Notice,
    names::{MANAGER, StackId},
};

mod known;

pub use known::{Failure, Known, after_apply, after_failure, after_refusal, past};

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
    let warnings = warnings(&findings);
    let mut after = PingStackStatus {
        observed_generation: stack.metadata.generation,
        conditions: conditions::stamp(findings, &before.conditions, stack.metadata.generation, &now),
        queue: before.queue.clone(),
    };
    // A failure says nothing about the parts: what was known of them stays.
    let mentioned = |old: &Condition| after.conditions.iter().any(|new| new.type_ == old.type_);
    let kept = before.conditions.iter().filter(|old| is_wanted(stack, old) && !mentioned(old));
    let kept = kept.cloned().collect::<Vec<_>>();
    after.conditions.extend(kept);
    context.metrics.conditions.set(id, &after.conditions);
    if after == before {
        return Ok(());
    }
    let api = Api::<PingStack>::namespaced(context.client.clone(), &id.namespace);
    // What this pass knows of the queue may be older than the status by now: `queue_status.rs` writes it.
    let status = PingStackStatus { queue: None, ..after.clone() };
    let patch = json!({ "metadata": { "uid": id.uid }, "status": status });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    api.patch_status(&id.name, &params, &Patch::Merge(&patch)).await.map_err(Error::Patch)?;
    for condition in changed(&before.conditions, &after.conditions) {
        let is_warning = warnings.contains(&condition.type_.as_str());
        context.events.notify(id, Notice::condition(condition, is_warning)).await;
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

/// The types whose Events are warnings.
fn warnings(findings: &[Finding]) -> Vec<&'static str> {
    let warnings = findings.iter().filter(|finding| finding.is_warning());
    warnings.map(|finding| finding.type_.name()).collect()
}

/// Conditions whose status or reason is another than before, but for rollouts that go on as they should. The first look
/// at a stack is no change of its parts.
fn changed<'a>(before: &[Condition], after: &'a [Condition]) -> Vec<&'a Condition> {
    let is = |condition: &Condition, type_: ConditionType| condition.type_ == type_.name();
    let differs = |new: &&Condition| match before.iter().find(|old| old.type_ == new.type_) {
        _ if is(new, ConditionType::Reconciling) => false,
        Some(old) => old.status != new.status || old.reason != new.reason,
        None => is(new, ConditionType::Ready) || is(new, ConditionType::Stalled),
    };
    let changed = after.iter().filter(differs).collect::<Vec<_>>();
    // A refused spec is the same in both.
    let said = |new: &Condition| {
        changed.iter().any(|ready| {
            is(ready, ConditionType::Ready) && ready.reason == new.reason && ready.status != "True"
        })
    };
    let is_repeated = |new: &Condition| is(new, ConditionType::Stalled) && said(new);
    changed.iter().copied().filter(|new| !is_repeated(new)).collect()
}

#[cfg(test)]
mod tests;
