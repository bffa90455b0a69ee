//! Why pods do not serve, in words a person can act on. Asked only about parts that are not complete.

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::{Api, ResourceExt as _, api::ListParams};

use super::{Context, conditions::Problem, workload::Workload};
use crate::names::{PART_LABEL, Part, STACK_LABEL, StackId};

/// What ails the pods of a part; `None` if nothing can be seen (yet).
pub(super) async fn diagnose(
    context: &Context,
    id: &StackId,
    part: Part,
    workload: &Workload,
) -> Option<Problem> {
    if let Some(refused) = &workload.refused {
        return Some(refusal(refused));
    }
    let selector = format!("{STACK_LABEL}={},{PART_LABEL}={}", id.name, part.name());
    let pods = Api::<Pod>::namespaced(context.client.clone(), &id.namespace);
    // Without an answer there is nothing to say; the numbers say it.
    let pods = pods.list(&ListParams::default().labels(&selector)).await.ok()?.items;
    if let Some(problem) = pods.iter().find_map(of_pod) {
        return Some(problem);
    }
    let fewer = i32::try_from(pods.len()).unwrap_or(i32::MAX) < workload.desired;
    if fewer { refused_by_event(context, id, part).await } else { None }
}

/// A StatefulSet says only by an Event that it may not make a pod.
async fn refused_by_event(context: &Context, id: &StackId, part: Part) -> Option<Problem> {
    let selector =
        format!("involvedObject.kind=StatefulSet,involvedObject.name={},type=Warning", id.part(part));
    let events = Api::<Event>::namespaced(context.client.clone(), &id.namespace);
    let events = events.list(&ListParams::default().fields(&selector)).await.ok()?.items;
    let newest = events.into_iter().max_by_key(|event| event.last_timestamp.clone())?;
    newest.message.as_deref().map(refusal)
}

fn refusal(message: &str) -> Problem {
    if message.contains("exceeded quota") {
        let message =
            format!("the namespace's quota does not let its pods in, raise it or lower resources: {message}");
        return Problem { reason: "QuotaExceeded", message };
    }
    Problem { reason: "PodsRefused", message: format!("the cluster does not let its pods in: {message}") }
}

/// What ails one pod.
pub(super) fn of_pod(pod: &Pod) -> Option<Problem> {
    let (status, name) = (pod.status.as_ref()?, pod.name_any());
    let unscheduled =
        status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled" && c.status == "False");
    if let Some(message) = unscheduled.and_then(|condition| condition.message.as_ref()) {
        return Some(unschedulable(&name, message));
    }
    let containers = status.container_statuses.iter().flatten();
    containers.filter(|container| !container.ready).find_map(|container| of_container(pod, &name, container))
}

fn unschedulable(name: &str, message: &str) -> Problem {
    if message.contains("PersistentVolumeClaim") || message.contains("persistentvolumeclaim") {
        let message = format!(
            "the volume of pod {name} is not there yet; if it stays so, check that the cluster has the StorageClass and \
             room: {message}"
        );
        return Problem { reason: "VolumePending", message };
    }
    Problem { reason: "Unschedulable", message: format!("no node takes pod {name}: {message}") }
}

fn of_container(pod: &Pod, name: &str, container: &ContainerStatus) -> Option<Problem> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let (image, said) = (&container.image, waiting.message.clone().unwrap_or_default());
    let logs = format!("kubectl logs -n {} {name} --previous", pod.namespace().unwrap_or_default());
    match waiting.reason.as_deref()? {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => Some(Problem {
            reason: "ImagePull",
            message: format!(
                "the image {image} cannot be pulled, check its name and the registry's access: {said}"
            ),
        }),
        "CrashLoopBackOff" => Some(Problem {
            reason: "Crashing",
            message: format!("pod {name} ends soon after its start; its log says why: {logs}"),
        }),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(Problem { reason: "CannotStart", message: format!("pod {name} cannot start: {said}") })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
