//! The conditions `Reconciling` and `Stalled` of kstatus, which Helm, Flux and Argo CD wait by: the cluster does not
//! match the spec yet, or will not without a person. At most one of them exists, and none at rest. They say nothing of
//! sign-in: old pods may serve while new ones cannot start.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{PartState, Past, Problem, summary::conflict_message};
use crate::{
    conditions::{ConditionType, Finding, reasons},
    controller::validate,
};

/// How long a Secret may be missing until that is a standstill: tools create objects in any order.
const SECRET_PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What is known after everything was applied.
#[derive(Debug, Clone, Copy)]
pub struct Applied<'a> {
    /// The parts that run in the stack.
    pub parts: &'a [PartState],
    /// The conditions of this reconcile.
    pub findings: &'a [Finding],
    /// Objects of others that stand where those of the stack belong.
    pub conflicts: &'a [String],
    /// Whether the operator leaves everything as it is.
    pub paused: bool,
    /// The generation of the spec.
    pub generation: Option<i64>,
}

/// `Stalled` or `Reconciling`; `None` if the cluster matches the spec.
#[must_use]
pub fn progress(applied: &Applied<'_>, past: &Past<'_>) -> Option<Finding> {
    stalled(applied, past.now).or_else(|| {
        // A paused stack stays as it is.
        if applied.paused { None } else { reconciling(applied, past) }
    })
}

fn stalled(applied: &Applied<'_>, now: Timestamp) -> Option<Finding> {
    if let Some(message) = conflict_message(applied.conflicts) {
        return Some(Finding::good(ConditionType::Stalled, "NameConflict", message));
    }
    let is_standstill = |problem: &Problem| problem.is_standstill(now);
    let stuck = applied.parts.iter().filter(|state| state.problem.as_ref().is_some_and(is_standstill));
    let stuck = stuck.filter_map(|state| {
        let reason = state.problem.as_ref()?.reason;
        Some((
            reason,
            format!("{}: {}", state.part.name(), message_of(applied, ConditionType::of(state.part))),
        ))
    });
    let undecided = applied.findings.iter().filter(|finding| reasons::needs_a_person(finding));
    let undecided = undecided
        .map(|finding| (finding.reason.as_str(), format!("{}: {}", finding.type_.name(), finding.message)));
    let (reasons, messages): (Vec<_>, Vec<_>) = stuck.chain(undecided).unzip();
    let first = reasons.first()?;
    Some(Finding::good(ConditionType::Stalled, first, messages.join("; ")))
}

fn message_of<'a>(applied: &Applied<'a>, type_: ConditionType) -> &'a str {
    let finding = applied.findings.iter().find(|finding| finding.type_ == type_);
    finding.map_or("", |finding| finding.message.as_str())
}

fn reconciling(applied: &Applied<'_>, past: &Past<'_>) -> Option<Finding> {
    // At rest a pod that is replaced is not a change of the stack. After a change of the spec it is, until all is done.
    let in_progress = |type_| past.find(type_).is_some();
    let unfinished = past.generation != applied.generation
        || in_progress(ConditionType::Reconciling)
        || in_progress(ConditionType::Stalled);
    let waits = |state: &&PartState| {
        let Some(workload) = &state.workload else { return true };
        workload.is_rolling() || (unfinished && !workload.is_complete())
    };
    let parts = applied.parts.iter().filter(waits);
    let parts = parts.map(|state| {
        format!("{}: {}", state.part.name(), message_of(applied, ConditionType::of(state.part)))
    });
    let parts = parts.collect::<Vec<_>>();
    if !parts.is_empty() {
        return Some(Finding::good(ConditionType::Reconciling, "RollingOut", parts.join("; ")));
    }
    let is_pending =
        |finding: &&Finding| finding.type_ == ConditionType::TopologyReady && finding.status != "True";
    let topology = applied.findings.iter().find(is_pending).filter(|_| unfinished)?;
    let message = format!("{}: {}", topology.type_.name(), topology.message);
    Some(Finding::good(ConditionType::Reconciling, "TopologyPending", message))
}

/// What a refused spec is: a standstill, but for Secrets that may be about to be created.
#[must_use]
pub fn refused(error: &validate::Error, past: &Past<'_>) -> Finding {
    let reason = error.reason();
    let message = error.to_string();
    let is_secret =
        matches!(error, validate::Error::SecretMissing { .. } | validate::Error::KeyMissing { .. });
    let was = past.find(ConditionType::Ready).filter(|ready| ready.reason == reason);
    let since = was.map(|ready| ready.last_transition_time.0);
    let waits = since.is_none_or(|since| past.now.duration_since(since) < SECRET_PATIENCE);
    let type_ = if is_secret && waits { ConditionType::Reconciling } else { ConditionType::Stalled };
    Finding::good(type_, reason, message)
}

#[cfg(test)]
mod tests;
