//! Step 5, writes: the status, only where it differs, and an Event for each condition that changed.

use std::collections::BTreeMap;

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
    apply::Outcome,
    build,
    conditions::{self, Finding, Problem},
    diagnose::diagnose,
    test_mail::{self, TEST_MAIL_SENT},
    validate::{self, ValidatedStack},
    workload::Workload,
};
use crate::{
    controller::topology::TopologyState,
    crd::{
        PingStack,
        status::{PingStackStatus, QueueStatus},
    },
    events::Notice,
    names::{MANAGER, Part, StackId},
};

/// The status could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not take it.
    #[error("the status cannot be written")]
    Patch(#[source] kube::Error),
}

/// What is known at the end of a reconcile.
#[derive(Debug)]
pub struct Known {
    /// One per condition, the summary last.
    pub findings: Vec<Finding>,
    /// The queue; `None` keeps what the status says.
    pub queue: Option<QueueStatus>,
}

/// After everything was applied.
pub async fn after_apply(
    context: &Context,
    written: &PingStack,
    (stack, outcome): (&ValidatedStack, &Outcome),
) -> Known {
    let mut findings = parts(context, stack, outcome).await;
    findings.push(conditions::of_topology(&outcome.topology));
    findings.push(context.autoscaling.finding(&stack.id, &stack.spec.mail_service.autoscaling));
    findings.insert(0, conditions::summary(&findings, &outcome.conflicts));
    // After the summary: people sign in without alerts.
    findings.extend(outcome.monitoring.clone());
    if let Some(job) = &outcome.test_mail {
        let status = written.status.iter();
        let before = status.flat_map(|status| &status.conditions).find(|old| old.type_ == TEST_MAIL_SENT);
        findings.extend(test_mail::look(context, &stack.id, (job, &stack.spec.smtp), before).await);
    }
    let queue = match &outcome.topology {
        TopologyState::Applied(queues) => queues.mail.clone(),
        _ => None,
    };
    Known { findings, queue }
}

/// The spec cannot be built.
#[must_use]
pub fn after_refusal(error: &validate::Error) -> Known {
    Known { findings: vec![Finding::bad(conditions::READY, error.reason(), error.to_string())], queue: None }
}

/// The API server did not do what was asked.
#[must_use]
pub fn after_failure(reason: &str, message: String) -> Known {
    Known { findings: vec![Finding::bad(conditions::READY, reason, message)], queue: None }
}

async fn parts(context: &Context, stack: &ValidatedStack, outcome: &Outcome) -> Vec<Finding> {
    let workloads = workloads(outcome);
    let mut findings = Vec::new();
    for part in Part::ALL {
        if !build::parts(stack).contains(&part) {
            findings.push(Finding::good(conditions::type_of(part), "External", "it is not the operator's"));
            continue;
        }
        let workload = workloads.get(&stack.id.part(part));
        let problem = match workload {
            Some(workload) if !workload.is_complete() => diagnose(context, &stack.id, part, workload).await,
            _ => None::<Problem>,
        };
        findings.push(conditions::of_workload(part, workload, problem.as_ref()));
    }
    findings
}

fn workloads(outcome: &Outcome) -> BTreeMap<String, Workload> {
    let sets = outcome.stateful_sets.iter().map(|set| (set.metadata.name.clone(), Workload::from(&**set)));
    let deployments =
        outcome.deployments.iter().map(|one| (one.metadata.name.clone(), Workload::from(&**one)));
    sets.chain(deployments).filter_map(|(name, workload)| Some((name?, workload))).collect()
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
    let mut after = PingStackStatus {
        observed_generation: stack.metadata.generation,
        conditions: conditions::stamp(findings, &before.conditions, stack.metadata.generation, &now),
        queue: known.queue.or_else(|| before.queue.clone()),
    };
    // A failure says nothing about the parts: what was known of them stays.
    let mentioned = |old: &Condition| after.conditions.iter().any(|new| new.type_ == old.type_);
    let wanted = |old: &&Condition| match old.type_.as_str() {
        conditions::PAUSED => false,
        conditions::MONITORING_READY => {
            let monitoring = &stack.spec.monitoring;
            monitoring.service_monitor || monitoring.prometheus_rule
        }
        TEST_MAIL_SENT => stack.spec.smtp.test_recipient.is_some(),
        _ => true,
    };
    let kept = before.conditions.iter().filter(|old| wanted(old) && !mentioned(old));
    let kept = kept.cloned().collect::<Vec<_>>();
    after.conditions.extend(kept);
    if after == before {
        return Ok(());
    }
    let api = Api::<PingStack>::namespaced(context.client.clone(), &id.namespace);
    let patch = json!({ "metadata": { "uid": id.uid }, "status": after });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    api.patch_status(&id.name, &params, &Patch::Merge(&patch)).await.map_err(Error::Patch)?;
    for condition in changed(&before.conditions, &after.conditions) {
        context.events.notify(id, Notice::condition(condition)).await;
    }
    Ok(())
}

fn note_pause(findings: &mut Vec<Finding>, paused: bool) {
    if paused {
        let message = "nothing is changed until spec.paused is false again";
        findings.push(Finding::good(conditions::PAUSED, "Paused", message));
    }
}

/// Conditions whose status or reason is another than before. The first look at a stack is no change.
fn changed<'a>(before: &[Condition], after: &'a [Condition]) -> Vec<&'a Condition> {
    let differs = |new: &&Condition| match before.iter().find(|old| old.type_ == new.type_) {
        Some(old) => old.status != new.status || old.reason != new.reason,
        None => new.type_ == conditions::READY,
    };
    after.iter().filter(differs).collect()
}

#[cfg(test)]
mod tests;
