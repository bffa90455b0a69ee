//! What is known at the end of a reconcile, as conditions.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use k8s_openapi::{
    api::autoscaling::v2::HorizontalPodAutoscaler, apimachinery::pkg::apis::meta::v1::Condition,
    jiff::Timestamp,
};
use kube::runtime::reflector::ObjectRef;
use pingstack_crd::{Monitoring, PingStack, status::QueueStatus};

use crate::{
    autoscaling::condition::with_user_service,
    conditions::{ConditionType, Finding},
    controller::{
        Context,
        apply::Outcome,
        branding::{self, Branding},
        brokers::{self, members::Brokers},
        build,
        diagnose::diagnose,
        findings::{self, Applied, PartState, Past},
        node_loss, test_mail,
        topology::TopologyState,
        validate::{self, Reference, ValidatedStack},
        workload::Workload,
    },
    names::Part,
    pod_reports::Reports,
    watches::ChildKind as _,
};

/// What is known at the end of a reconcile.
#[derive(Debug)]
pub struct Known {
    /// One per condition.
    pub findings: Vec<Finding>,
    /// The queue as this pass saw it; `None` if the broker did not count it, or not yet.
    pub queue: Option<QueueStatus>,
}

/// A reconcile that failed.
#[derive(Debug)]
pub struct Failure {
    /// The reason of the conditions.
    pub reason: &'static str,
    /// What it was, with what the API server said if it answered.
    pub message: String,
    pub weight: Weight,
}

/// What a failure says about the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Somebody wrote the same object, and the next try reads it: the stack is as ready as before.
    Race,
    /// The same request may work a moment later.
    MayPass,
    /// A person has to act.
    Lasts,
}

impl Weight {
    /// Of an answer of the API server.
    #[must_use]
    pub const fn of_answer(code: u16) -> Self {
        if code >= 500 || matches!(code, 408 | 409 | 429) { Self::MayPass } else { Self::Lasts }
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
    if stack.spec.paused {
        of_pause(&mut findings, stack);
    }
    findings.push(findings::of_topology(&outcome.topology));
    say_line_ends(&mut findings, &stack.line_ends);
    let scaling = context.autoscaling.finding(&stack.id, &stack.spec.mail_service.autoscaling);
    let of_user_service = user_service_autoscaler(context, stack);
    findings.push(with_user_service(scaling, of_user_service.as_deref(), past.now));
    let applied = Applied {
        parts: &parts,
        findings: &findings,
        conflicts: &outcome.conflicts,
        paused: stack.spec.paused,
        generation: written.metadata.generation,
    };
    let progress = findings::progress(&applied, &past);
    findings.insert(0, findings::summary(&findings, &outcome.conflicts, &past));
    findings.extend(outcome.monitoring.clone());
    let of_templates = |branding: &Branding| branding::finding::finding(&branding.verdict, stack.spec.paused);
    findings.extend(stack.branding.as_ref().map(of_templates));
    // A paused stack is not built.
    let has_template = stack.spec.has_pod_template() && !stack.spec.paused;
    findings.extend(findings::of_pod_templates(has_template, &outcome.notes));
    findings.extend(stack.spec.paused.then(|| monitoring_in_a_pause(&stack.spec.monitoring)).flatten());
    findings.extend(node_loss::finding(stack, &context.children.pods));
    findings.extend(findings::of_ingress(stack, &context.platform));
    if let Some(job) = &outcome.test_mail {
        let before = past.conditions.iter().find(|old| old.type_ == ConditionType::TestMailSent.name());
        let mail = test_mail::TestMail { job, smtp: &stack.spec.smtp };
        findings.extend(test_mail::look(context, &stack.id, mail, before).await);
    }
    let is_ready = findings.iter().any(|one| one.type_ == ConditionType::Ready && one.status == "True");
    context.synthetic_logins.follow(&stack.id, written, is_ready, &context.touch);
    let before = past.conditions.iter().find(|old| old.type_ == ConditionType::SignInWorks.name());
    findings.extend(context.synthetic_logins.finding(&stack.id, written, before));
    findings.extend(progress);
    let queue = match &outcome.topology {
        TopologyState::Applied(queues) => queues.mail.clone(),
        _ => None,
    };
    Known { findings, queue }
}

/// Says what is left out of a value, in the condition of whoever signs in with it: the same Secret elsewhere is read as it is.
fn say_line_ends(findings: &mut [Finding], line_ends: &[Reference]) {
    for reference in line_ends {
        let finding = findings.iter_mut().find(|finding| Some(finding.type_) == reference.condition());
        let Some(Finding { message, .. }) = finding else { continue };
        let Reference { secret, key, .. } = reference;
        let _ = write!(message, "; {key} in the Secret {secret} ends in a line break, which is left out");
    }
}

/// Pods are checked in a pause too. Whether several brokers are one cluster, only they say.
fn of_pause(findings: &mut [Finding], stack: &ValidatedStack) {
    let brokers = stack.spec.rabbitmq.managed.as_ref().map_or(0, |brokers| brokers.replicas);
    let of_brokers = findings.iter_mut().find(|finding| finding.type_ == ConditionType::RabbitMqReady);
    if let Some(finding) = of_brokers.filter(|finding| brokers > 1 && finding.status == "True") {
        let what = format!("whether the brokers are one cluster ({})", finding.message);
        *finding = findings::not_checked(ConditionType::RabbitMqReady, &what);
    }
}

fn monitoring_in_a_pause(wanted: &Monitoring) -> Option<Finding> {
    let is_wanted = wanted.service_monitor || wanted.prometheus_rule;
    let finding =
        || findings::not_checked(ConditionType::MonitoringReady, "ServiceMonitor and PrometheusRule");
    is_wanted.then(finding)
}

/// The conditions of what is not looked at, for the tests of conditions.
#[cfg(test)]
pub(in crate::controller) fn examples_of_a_pause() -> Vec<Finding> {
    use crate::fixtures;
    let mut stack = fixtures::validated(fixtures::FULL);
    stack.spec.rabbitmq.managed.get_or_insert_default().replicas = 3;
    stack.spec.monitoring.service_monitor = true;
    let mut findings = vec![Finding::good(ConditionType::RabbitMqReady, "Available", "3 of 3 pods serve")];
    of_pause(&mut findings, &stack);
    findings.extend(monitoring_in_a_pause(&stack.spec.monitoring));
    findings.push(findings::of_topology(&TopologyState::Paused));
    findings
}

/// The spec cannot be built.
#[must_use]
pub fn after_refusal(error: &validate::Error, past: &Past<'_>) -> Known {
    let summary = Finding::bad(ConditionType::Ready, error.reason(), error.to_string());
    Known { findings: vec![summary, findings::refused(error, past)], queue: None }
}

/// The API server did not do what was asked, or nothing could be asked.
#[must_use]
pub fn after_failure(failure: Failure) -> Known {
    let Failure { reason, message, weight } = failure;
    let type_ = match weight {
        Weight::Race | Weight::MayPass => ConditionType::Reconciling,
        Weight::Lasts => ConditionType::Stalled,
    };
    let mut findings = Vec::new();
    if weight != Weight::Race {
        findings.push(Finding::bad(ConditionType::Ready, reason, message.clone()));
    }
    findings.push(Finding::good(type_, reason, message));
    Known { findings, queue: None }
}

/// The autoscaler of user-service, where the spec asks for one.
fn user_service_autoscaler(
    context: &Context,
    stack: &ValidatedStack,
) -> Option<Arc<HorizontalPodAutoscaler>> {
    stack.spec.user_service.autoscaling.as_ref()?;
    let reference = ObjectRef::new(&stack.id.part(Part::UserService)).within(&stack.id.namespace);
    HorizontalPodAutoscaler::store(&context.children).get(&reference)
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
            let finding = findings::of_workload(state);
            match part {
                Part::UserService => findings::of_service(finding, &reports.user_service, past),
                Part::MailService => findings::of_service(finding, &reports.mail_service, past),
                Part::RabbitMq => brokers::finding::finding(finding, state.problem.as_ref(), brokers),
                Part::Redis => finding,
            }
        }
        None => findings::of_external_server(part, reports),
    };
    Part::ALL.into_iter().map(of_part).collect()
}

pub(super) fn workloads(outcome: &Outcome) -> BTreeMap<String, Workload> {
    let sets = outcome.stateful_sets.iter().map(|set| (set.metadata.name.clone(), Workload::from(&**set)));
    let deployments =
        outcome.deployments.iter().map(|one| (one.metadata.name.clone(), Workload::from(&**one)));
    sets.chain(deployments).filter_map(|(name, workload)| Some((name?, workload))).collect()
}

#[cfg(test)]
mod tests {
    use super::say_line_ends;
    use crate::{
        conditions::{ConditionType, Finding},
        controller::validate::validate,
        fixtures::{self, FULL},
    };

    #[test]
    fn a_line_break_at_the_end_of_a_password_is_said_in_the_condition_of_who_uses_it() {
        let mut references = fixtures::references();
        let smtp = fixtures::secret("smtp", &[("EMAIL_USER", "u"), ("EMAIL_PASSWORD", "p\r\n")]);
        references.secrets.insert("smtp".to_owned(), Some(smtp));
        let key = "a-secret-of-more-than-32-octets-in-length\n";
        references.secrets.insert("tokens".to_owned(), Some(fixtures::secret("tokens", &[("secret", key)])));
        let stack = validate(&fixtures::stack(FULL), references).unwrap();
        let types = [ConditionType::UserServiceReady, ConditionType::MailServiceReady];
        let mut findings = types.map(|type_| Finding::good(type_, "Available", "1 of 1 pods serve")).to_vec();
        say_line_ends(&mut findings, &stack.line_ends);
        assert_eq!(findings[0].message, "1 of 1 pods serve", "a key is used as it is");
        assert_eq!(
            findings[1].message,
            "1 of 1 pods serve; EMAIL_PASSWORD in the Secret smtp ends in a line break, which is left out"
        );
    }
}
