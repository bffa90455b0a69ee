//! What is known at the end of a reconcile, as conditions.

use std::collections::BTreeMap;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use crate::{
    controller::{
        Context,
        apply::Outcome,
        brokers::{self, members::Brokers},
        build,
        conditions::{self, Applied, ConditionType, Finding, PartState, Past},
        diagnose::diagnose,
        node_loss, test_mail,
        topology::TopologyState,
        validate::{self, ValidatedStack},
        workload::Workload,
    },
    crd::{PingStack, status::QueueStatus},
    names::Part,
    pod_reports::Reports,
};

/// What is known at the end of a reconcile.
#[derive(Debug)]
pub struct Known {
    /// One per condition.
    pub findings: Vec<Finding>,
    /// The queue as this pass saw it; `None` if the broker did not count it, or not yet.
    pub queue: Option<QueueStatus>,
}

/// A request that the API server did not fulfil.
#[derive(Debug)]
pub struct Failure {
    /// The reason of the conditions.
    pub reason: &'static str,
    /// What it said.
    pub message: String,
    /// Its status code; `None` if nothing was sent.
    pub code: Option<u16>,
}

impl Failure {
    /// Whether the same request may work a moment later.
    fn may_pass(&self) -> bool {
        self.code.is_some_and(|code| code >= 500 || matches!(code, 408 | 409 | 429))
    }
}

/// What the status of a stack said before.
#[must_use]
pub fn past(stack: &PingStack) -> Past<'_> {
    let status = stack.status.as_ref();
    let conditions = status.map_or(&[] as &[Condition], |status| &status.conditions);
    Past {
        conditions,
        generation: status.and_then(|status| status.observed_generation),
        now: Timestamp::now(),
    }
}

/// After everything was applied.
pub async fn after_apply(
    context: &Context,
    written: &PingStack,
    stack: &ValidatedStack,
    outcome: &Outcome,
) -> Known {
    let past = past(written);
    let parts = parts(context, stack, outcome).await;
    let reports = context.pod_reports.of(&stack.id).await;
    let mut findings = of_parts(&parts, &outcome.brokers, &reports, &past);
    findings.push(conditions::of_topology(&outcome.topology));
    findings.push(context.autoscaling.finding(&stack.id, &stack.spec.mail_service.autoscaling));
    let applied = Applied {
        parts: &parts,
        findings: &findings,
        conflicts: &outcome.conflicts,
        paused: stack.spec.paused,
        generation: written.metadata.generation,
    };
    let progress = conditions::progress(&applied, &past);
    findings.insert(0, conditions::summary(&findings, &outcome.conflicts, &past));
    findings.extend(outcome.monitoring.clone());
    findings.extend(node_loss::finding(stack, &context.children.pods));
    if let Some(job) = &outcome.test_mail {
        let before = past.conditions.iter().find(|old| old.type_ == ConditionType::TestMailSent.name());
        findings.extend(test_mail::look(context, &stack.id, (job, &stack.spec.smtp), before).await);
    }
    findings.extend(progress);
    let queue = match &outcome.topology {
        TopologyState::Applied(queues) => queues.mail.clone(),
        _ => None,
    };
    Known { findings, queue }
}

/// The spec cannot be built.
#[must_use]
pub fn after_refusal(error: &validate::Error, past: &Past<'_>) -> Known {
    let summary = Finding::bad(ConditionType::Ready, error.reason(), error.to_string());
    Known { findings: vec![summary, conditions::refused(error, past)], queue: None }
}

/// The API server did not do what was asked, or nothing could be asked.
#[must_use]
pub fn after_failure(failure: Failure) -> Known {
    let type_ = if failure.may_pass() { ConditionType::Reconciling } else { ConditionType::Stalled };
    let Failure { reason, message, .. } = failure;
    let progress = Finding::good(type_, reason, message.clone());
    Known { findings: vec![Finding::bad(ConditionType::Ready, reason, message), progress], queue: None }
}

/// The parts that run in the stack.
async fn parts(context: &Context, stack: &ValidatedStack, outcome: &Outcome) -> Vec<PartState> {
    let mut workloads = workloads(outcome);
    let mut parts = Vec::new();
    for part in build::parts(stack) {
        let workload = workloads.remove(&stack.id.part(part));
        let of_broker = outcome.broker_problem.clone().filter(|_| part == Part::RabbitMq);
        let problem = match &workload {
            Some(_) if of_broker.is_some() => of_broker,
            Some(workload) if !workload.is_complete() => diagnose(context, &stack.id, part, workload).await,
            _ => None,
        };
        parts.push(PartState { part, workload, problem });
    }
    parts
}

fn of_parts(parts: &[PartState], brokers: &Brokers, reports: &Reports, past: &Past<'_>) -> Vec<Finding> {
    let of_part = |part| match parts.iter().find(|state| state.part == part) {
        Some(state) => {
            let finding = conditions::of_workload(state);
            match part {
                Part::UserService => conditions::of_service(finding, &reports.user_service, past),
                Part::MailService => conditions::of_service(finding, &reports.mail_service, past),
                Part::RabbitMq => brokers::finding::finding(finding, state.problem.as_ref(), brokers),
                Part::Redis => finding,
            }
        }
        None => conditions::of_external_server(part, reports),
    };
    Part::ALL.into_iter().map(of_part).collect()
}

pub(super) fn workloads(outcome: &Outcome) -> BTreeMap<String, Workload> {
    let sets = outcome.stateful_sets.iter().map(|set| (set.metadata.name.clone(), Workload::from(&**set)));
    let deployments =
        outcome.deployments.iter().map(|one| (one.metadata.name.clone(), Workload::from(&**one)));
    sets.chain(deployments).filter_map(|(name, workload)| Some((name?, workload))).collect()
}
