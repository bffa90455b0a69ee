//! The reconcile of one stack, five steps whose types tell which one you are in:
//!
//! 1. [`dereference`] reads what the spec points at → `References`
//! 2. [`validate`], pure → `ValidatedStack`
//! 3. [`build`], pure → `Plan` of `Resources<Prepared>`
//! 4. [`apply`] writes into the cluster and to the broker ([`topology`]) → `Outcome`
//! 5. [`update_status`] writes the status
//!
//! No finalizer: what is managed dies by its owner references, what is external stays.

use std::{sync::Arc, time::Duration};

use kube::{Client, ResourceExt as _, runtime::controller::Action};
use pingstack_crd::PingStack;
use service_kit::telemetry::chain;

use self::update_status::{Failure, Weight};
use crate::{
    autoscaling::Autoscaling,
    broker_connections::BrokerConnections,
    conditions::{ConditionType, Finding, Role},
    events::Events,
    metrics::OperatorMetrics,
    names::StackId,
    platform::Platform,
    pod_reports::PodReports,
    requeue::{Requeue, about},
    synthetic_login::{SyntheticLogins, Touch},
    watches::{Children, StoredStack},
};

pub mod apply;
pub mod branding;
pub mod brokers;
pub mod build;
pub mod dereference;
mod diagnose;
pub mod entropy;
pub mod findings;
pub mod hash;
pub mod lost_volumes;
pub mod monitoring;
pub mod node_loss;
pub mod own_scaling;
pub mod pull_secret;
pub mod queue_status;
pub mod run;
pub mod secrets;
pub mod test_mail;
pub mod topology;
pub mod unreadable;
pub mod update_status;
pub mod validate;
pub mod workload;

/// How often a stack is reconciled when nothing happens: drift on the broker is mended within a minute. Two thirds of
/// the requests at rest are this look.
pub const RESYNC: Duration = Duration::from_secs(55);

/// How often when something is missing that is not watched, or not yet ready.
const SOON: Duration = Duration::from_secs(10);

/// How many races in a row are none: something keeps the operator from reading what it must.
const RACES: u32 = 3;

/// What every reconcile uses.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// What the operator brings.
    pub platform: Platform,
    /// The uid of the namespace kube-system.
    pub cluster_uid: String,
    /// What the operator has made.
    pub children: Children,
    /// What the pods of the services say.
    pub pod_reports: PodReports,
    /// What was applied last.
    pub memo: apply::Memo,
    /// The way to the brokers.
    pub broker_connections: BrokerConnections,
    /// Whose topology was complete.
    pub complete_once: topology::CompleteOnce,
    /// Since when brokers are apart.
    pub brokers_apart: apply::ApartSince,
    /// What each queue holds, and whose the cluster's external metrics are.
    pub autoscaling: Autoscaling,
    /// Which monitoring objects are known not to be there.
    pub absent_monitoring: monitoring::KnownAbsent,
    /// The operator's own sign-ins.
    pub synthetic_logins: SyntheticLogins,
    /// What was said of templates of mails.
    pub template_checks: branding::checks::Checks,
    /// Has a stack reconciled.
    pub touch: Touch,
    /// Delays after failures.
    pub requeue: Requeue,
    /// Events.
    pub events: Events,
    /// Metrics.
    pub metrics: OperatorMetrics,
}

impl Context {
    /// Forgets a stack that is gone.
    pub fn forget(&self, uid: &str) {
        self.synthetic_logins.forget(uid);
        self.memo.forget(uid);
        self.complete_once.forget(uid);
        self.brokers_apart.forget(uid);
        self.absent_monitoring.forget(uid);
        self.template_checks.forget(uid);
        self.pod_reports.forget(uid);
        self.metrics.conditions.forget(uid);
        self.requeue.forget(uid);
    }
}

/// A reconcile that must be tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Step 1.
    #[error("could not read what the stack points at")]
    Dereference(#[source] dereference::Error),
    /// Step 3.
    #[error("could not build the stack's objects")]
    Build(#[source] build::Error),
    /// Step 4.
    #[error("could not apply the stack's objects")]
    Apply(#[source] apply::Error),
    /// Step 5.
    #[error("could not report the stack's state")]
    UpdateStatus(#[source] update_status::Error),
    /// Instead of all steps.
    #[error("could not report that the stack cannot be read")]
    ReportUnreadable(#[source] unreadable::Error),
}

impl Error {
    const fn label(&self) -> &'static str {
        match self {
            Self::Dereference(_) => "dereference_failed",
            Self::Build(_) => "build_failed",
            Self::Apply(_) => "apply_failed",
            Self::UpdateStatus(_) | Self::ReportUnreadable(_) => "update_status_failed",
        }
    }
}

/// Reconciles one stack.
pub async fn reconcile(stored: Arc<StoredStack>, context: Arc<Context>) -> Result<Action, Error> {
    let mut timer = context.metrics.reconcile_started();
    let result = match &stored.0 {
        Ok(stack) => reconcile_stack(stack, &context).await,
        Err(invalid) => {
            let namespace = stored.namespace().unwrap_or_default();
            let name = stored.name_any();
            tracing::warn!(
                namespace,
                stack = name,
                "skipping a PingStack that this release cannot read: correct it by kubectl edit"
            );
            let reported = unreadable::report(&context, invalid).await.map_err(Error::ReportUnreadable);
            reported.map(|()| ("unreadable", Action::await_change()))
        }
    };
    timer.ended(result.as_ref().map_or_else(Error::label, |(outcome, _)| outcome));
    result.map(|(_, action)| action)
}

async fn reconcile_stack(stack: &PingStack, context: &Context) -> Result<(&'static str, Action), Error> {
    let Some(id) = StackId::of(&stack.metadata) else { return Ok(("unreadable", Action::await_change())) };
    if stack.metadata.deletion_timestamp.is_some() {
        return Ok(("deleting", Action::await_change()));
    }
    let (known, delay) = match steps(stack, context, &id).await {
        Ok(Step::Applied { validated, outcome }) => {
            let known = update_status::after_apply(context, stack, &validated, &outcome).await;
            // The broker counts a queue's messages some seconds after it is made.
            let counted = known.queue.is_some() || stack.spec.paused;
            let unfinished = outcome.volumes_unrecorded || outcome.sealing_unfinished;
            let settled = counted && !unfinished && known.findings.iter().all(is_settled);
            (known, if settled { RESYNC } else { SOON })
        }
        Ok(Step::Refused(error)) => (update_status::after_refusal(&error, &update_status::past(stack)), SOON),
        Err(error) => {
            report_failure(stack, context, &id, &error).await;
            return Err(error);
        }
    };
    update_status::update_status(context, &id, stack, known).await.map_err(Error::UpdateStatus)?;
    context.requeue.forget(&id.uid);
    Ok(("ok", Action::requeue(about(delay))))
}

/// Whether a finding will not change by itself soon.
fn is_settled(finding: &Finding) -> bool {
    match finding.type_ {
        ConditionType::Reconciling => false,
        // The APIs of metrics are not watched by reconciles.
        ConditionType::AutoscalingReady => finding.status == "True",
        // Nor is a user's ConfigMap, which is about to be corrected.
        ConditionType::TemplatesReady => finding.status != "False",
        type_ => {
            finding.status == "True" || finding.reason == findings::PAUSED || type_.role() == Role::Advisory
        }
    }
}

/// How far the steps went.
enum Step {
    Applied { validated: Box<validate::ValidatedStack>, outcome: Box<apply::Outcome> },
    Refused(validate::Error),
}

async fn steps(stack: &PingStack, context: &Context, id: &StackId) -> Result<Step, Error> {
    let references = dereference::dereference(context, stack, id).await.map_err(Error::Dereference)?;
    let validated = match validate::validate(stack, references) {
        Ok(validated) => Box::new(validated),
        Err(error) => return Ok(Step::Refused(error)),
    };
    if stack.spec.paused {
        let outcome = Box::new(apply::look(context, id));
        return Ok(Step::Applied { validated, outcome });
    }
    let plan = match build::build(&validated, &context.platform, &entropy::Entropy::random()) {
        Ok(plan) => plan,
        Err(build::Error::PodTemplate(refused)) => return Ok(Step::Refused(refused.into())),
        Err(error) => return Err(Error::Build(error)),
    };
    let outcome = Box::pin(apply::apply(context, id, plan)).await.map_err(Error::Apply)?;
    Ok(Step::Applied { validated, outcome: Box::new(outcome) })
}

/// Says in the status why the reconcile failed. The error itself is logged by the caller.
async fn report_failure(stack: &PingStack, context: &Context, id: &StackId, error: &Error) {
    let Some(mut failure) = failure(error) else { return };
    if failure.weight == Weight::Race && context.requeue.failures(&id.uid) >= RACES {
        failure.weight = Weight::MayPass;
    }
    let known = update_status::after_failure(failure);
    if let Err(error) = update_status::update_status(context, id, stack, known).await {
        tracing::warn!(error = %chain(&error), "status of a failure could not be written");
    }
}

/// What the status says of an error; `None` of one that is about the status itself.
fn failure(error: &Error) -> Option<Failure> {
    match error {
        Error::Build(build) => {
            Some(Failure { reason: "BuildFailed", message: chain(build), weight: Weight::Lasts })
        }
        Error::Apply(apply) if apply.is_race() => {
            Some(Failure { reason: "ApplyFailed", message: chain(apply), weight: Weight::Race })
        }
        Error::Apply(apply) => Some(refused(apply, apply.api_message(), "ApplyFailed")),
        Error::Dereference(error) => Some(refused(error, error.api_message(), "SecretUnreadable")),
        Error::UpdateStatus(_) | Error::ReportUnreadable(_) => None,
    }
}

/// A request that was not answered, or not with what was asked for.
fn refused(
    error: &(dyn std::error::Error + 'static),
    answer: Option<(&str, u16)>,
    reason: &'static str,
) -> Failure {
    let Some((said, code)) = answer else {
        return Failure { reason, message: chain(error), weight: Weight::MayPass };
    };
    let reason = if said.contains("exceeded quota") { "QuotaExceeded" } else { reason };
    let message = format!("{error}; the API server says ({code}): {said}");
    Failure { reason, message, weight: Weight::of_answer(code) }
}

/// When to try again: per stack, less and less often.
#[expect(clippy::needless_pass_by_value, reason = "the signature of an error policy")]
pub fn error_policy(stored: Arc<StoredStack>, error: &Error, context: Arc<Context>) -> Action {
    let namespace = stored.namespace().unwrap_or_default();
    let stack = stored.name_any();
    tracing::warn!(namespace, stack, error = %chain(error), "reconcile failed, trying again");
    Action::requeue(context.requeue.after_failure(&stored.uid().unwrap_or_default()))
}

#[cfg(test)]
mod tests;
