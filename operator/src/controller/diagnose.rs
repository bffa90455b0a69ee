//! Why pods do not serve, in words a person can act on. Asked only about parts that are not complete.

use k8s_openapi::{
    api::core::v1::{ContainerStatus, Event, Pod, PodStatus},
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use kube::{Api, ResourceExt as _, api::ListParams};

use super::{
    Context,
    findings::Problem,
    workload::{Refused, Workload},
};
use crate::names::{Part, StackId};

pub(super) mod volume;

/// A container that ran longer had started. The kubelet forgets its delays between starts after the same time.
const STARTED: SignedDuration = SignedDuration::from_mins(10);

/// What ails the pods of a part, the longest first; `None` if nothing can be seen (yet).
pub(super) async fn diagnose(
    context: &Context,
    id: &StackId,
    part: Part,
    workload: &Workload,
) -> Option<Problem> {
    if let Some(refused) = &workload.refused {
        return Some(refusal(refused));
    }
    let pods = context.children.pods.of(id, part);
    let staying = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let awaiting = staying.clone().find_map(|pod| {
        let unscheduled = unscheduled(pod).filter(|unscheduled| volume::is_awaited(unscheduled.said))?;
        Some(volume::Awaiting { part, pod, unscheduled })
    });
    if let Some(awaiting) = awaiting {
        return Some(volume::awaited(context, id, &awaiting).await);
    }
    let problems = staying.filter_map(|pod| of_pod(pod));
    if let Some(problem) = problems.min_by_key(|problem| problem.since.unwrap_or(Timestamp::MAX)) {
        return Some(problem);
    }
    if workload.deadline_exceeded {
        return Some(deadline_exceeded());
    }
    let fewer = i32::try_from(pods.len()).unwrap_or(i32::MAX) < workload.desired;
    if fewer { refused_by_event(context, id, part).await } else { None }
}

pub(super) fn deadline_exceeded() -> Problem {
    let message =
        "its new pods have not become ready for ten minutes, their logs say why: undo or correct the change";
    Problem { reason: "ProgressDeadlineExceeded", message: message.to_owned(), since: None }
}

/// A StatefulSet says only by an Event that it may not make a pod.
async fn refused_by_event(context: &Context, id: &StackId, part: Part) -> Option<Problem> {
    newest_warning(context, id, "StatefulSet", &id.part(part)).await.as_ref().map(refusal)
}

/// What the newest Event of type Warning about an object of the stack says.
async fn newest_warning(context: &Context, id: &StackId, kind: &str, name: &str) -> Option<Refused> {
    let selector = format!("involvedObject.kind={kind},involvedObject.name={name},type=Warning");
    let events = Api::<Event>::namespaced(context.client.clone(), &id.namespace);
    let events = events.list(&ListParams::default().fields(&selector)).await.ok()?.items;
    let newest = events.into_iter().max_by_key(|event| event.last_timestamp.clone())?;
    let since = newest.first_timestamp.map(|time| time.0);
    newest.message.map(|message| Refused { message, since })
}

pub(super) fn refusal(Refused { message, since }: &Refused) -> Problem {
    if message.contains("exceeded quota") {
        let message =
            format!("the namespace's quota does not let its pods in, raise it or lower resources: {message}");
        return Problem { reason: "QuotaExceeded", message, since: *since };
    }
    let message = format!("the cluster does not let its pods in: {message}");
    Problem { reason: "PodsRefused", message, since: *since }
}

/// What ails one pod.
pub(super) fn of_pod(pod: &Pod) -> Option<Problem> {
    let status = pod.status.as_ref()?;
    let name = pod.name_any();
    if let Some(unscheduled) = unscheduled(pod) {
        return Some(unschedulable(&name, &unscheduled));
    }
    let containers = status.container_statuses.iter().flatten();
    let problem = containers
        .filter(|container| !container.ready)
        .find_map(|container| of_container(pod, &name, container))?;
    Some(Problem { since: unready_since(pod, status), ..problem })
}

/// Since when the pod is not ready. Why it is not has no time of its own.
fn unready_since(pod: &Pod, status: &PodStatus) -> Option<Timestamp> {
    let condition = status.conditions.iter().flatten().find(|c| c.type_ == "Ready" && c.status == "False");
    let since = condition.and_then(|condition| condition.last_transition_time.as_ref());
    since.or(pod.metadata.creation_timestamp.as_ref()).map(|Time(time)| *time)
}

/// A pod without a node.
pub(super) struct Unscheduled<'a> {
    /// Why the scheduler found none, in its own words.
    said: &'a str,
    /// Since when.
    since: Option<Timestamp>,
}

/// Why a pod has no node; `None` if it has one.
fn unscheduled(pod: &Pod) -> Option<Unscheduled<'_>> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let condition =
        conditions.find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let since = condition.last_transition_time.as_ref().map(|time| time.0);
    Some(Unscheduled { said: condition.message.as_deref()?, since })
}

fn unschedulable(name: &str, Unscheduled { said, since }: &Unscheduled<'_>) -> Problem {
    let message = format!("no node takes pod {name}: {said}{}", volume::hint(said));
    Problem { reason: "Unschedulable", message, since: *since }
}

fn of_container(pod: &Pod, name: &str, container: &ContainerStatus) -> Option<Problem> {
    let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
    let said = waiting.and_then(|waiting| waiting.message.as_deref()).unwrap_or_default();
    let problem = |reason, message| Some(Problem { reason, message, since: None });
    match waiting.and_then(|waiting| waiting.reason.as_deref()) {
        Some("ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull") => {
            let image = &container.image;
            problem(
                "ImagePull",
                format!(
                    "the image {image} cannot be pulled, check its name and the registry's access: {said}"
                ),
            )
        }
        Some("CreateContainerConfigError" | "CreateContainerError" | "RunContainerError") => {
            problem("CannotStart", format!("pod {name} cannot start: {said}"))
        }
        reason if reason == Some("CrashLoopBackOff") || ended_soon(container) => {
            let logs = format!("kubectl logs -n {} {name} --previous", pod.namespace().unwrap_or_default());
            problem("Crashing", format!("pod {name} ends soon after its start; its log says why: {logs}"))
        }
        _ => None,
    }
}

/// Whether it has been started again and again and its last run was short: between two crashes it runs for a moment.
fn ended_soon(container: &ContainerStatus) -> bool {
    let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let run = last.and_then(|last| Some((last.started_at.as_ref()?.0, last.finished_at.as_ref()?.0)));
    container.restart_count > 1
        && run.is_some_and(|(started, finished)| finished.duration_since(started) < STARTED)
}

#[cfg(test)]
mod tests;
