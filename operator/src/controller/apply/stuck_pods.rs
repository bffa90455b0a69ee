//! Pods of Redis and the broker that block a rollout: they are not ready, and their template is an old one.
//!
//! The controller of a `StatefulSet` waits for such a pod before it replaces it, even if the pod can never become ready
//! (Kubernetes documents this as "forced rollback"). A mistake in a setting would therefore outlive its correction.
//!
//! At most one pod is deleted in a pass, and the next one only after the controller has counted its replacement. The
//! replacement has the current template, and pods of that template are never deleted: no pod is deleted twice.

use std::sync::Arc;

use k8s_openapi::{
    api::{
        apps::v1::{StatefulSet, StatefulSetStatus},
        core::v1::{ContainerStatus, Pod},
    },
    jiff::{SignedDuration, Timestamp},
};
use kube::{ResourceExt as _, api::Preconditions};

use super::{Error, delete_pod::delete_pod};
use crate::{
    controller::Context,
    events::Notice,
    names::{Part, StackId},
};

/// The label on which the controller of a `StatefulSet` writes the revision of the template that a pod was made from.
const REVISION_LABEL: &str = "controller-revision-hash";

/// How long a starting broker is waited for while the others are no majority. Three brokers that start together need
/// about 16 s.
const STARTING: SignedDuration = SignedDuration::from_secs(60);

/// Deletes the next blocking pod of each server.
pub(super) async fn delete(context: &Context, id: &StackId, sets: &[Arc<StatefulSet>]) -> Result<(), Error> {
    for part in [Part::Redis, Part::RabbitMq] {
        let name = id.part(part);
        let Some(set) = sets.iter().find(|set| set.metadata.name.as_ref() == Some(&name)) else { continue };
        let pods = context.children.pods.of(id, part);
        if let Some(pod) = blocking(set, &pods, Timestamp::now()) {
            // In the state that was judged: if it changed since, perhaps to ready, the API server refuses.
            let judged = Preconditions { uid: pod.uid(), resource_version: pod.resource_version() };
            if delete_pod(&context.client, pod, judged).await? {
                context.events.notify(id, Notice::blocking_pod_deleted(pod)).await;
            }
        }
    }
    Ok(())
}

/// The pod of `set` to delete at `now`: one whose container does not run comes first, then one that is still starting;
/// among equals the last, as in a rolling update. `pods` are sorted by name.
fn blocking<'a>(set: &StatefulSet, pods: &'a [Arc<Pod>], now: Timestamp) -> Option<&'a Pod> {
    let status = set.status.as_ref()?;
    let current = status.update_revision.as_deref()?;
    let own = pods.iter().map(|pod| &**pod).filter(|pod| is_of(set, pod)).collect::<Vec<_>>();
    if set.metadata.deletion_timestamp.is_some() || !has_counted(set, status, &own) {
        return None;
    }
    let blocks = |pod: &&Pod| {
        !is_ready(pod) && !is_terminating(pod) && revision(pod).is_some_and(|revision| revision != current)
    };
    let mut candidates = own.iter().rev().copied().filter(blocks);
    let starting = |pod: &Pod| running(pod).is_some();
    let broken = candidates.clone().find(|pod| !starting(pod));
    broken.or_else(|| candidates.find(|pod| may_restart(set, &own, pod, now)))
}

/// Whether a starting server may be deleted: nobody else depends on it, or the others are a majority without it, or it
/// had enough time and no other one is about to end. It may already hold members of queues though it takes no clients.
fn may_restart(set: &StatefulSet, own: &[&Pod], pod: &Pod, now: Timestamp) -> bool {
    let desired = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if desired == 1 {
        return true;
    }
    let serves = |other: &&&Pod| is_ready(other) && !is_terminating(other);
    let serving = i32::try_from(own.iter().filter(serves).count()).unwrap_or(i32::MAX);
    let is_overdue = running(pod).is_some_and(|since| now.duration_since(since) > STARTING);
    serving > desired / 2 || (is_overdue && !own.iter().any(|other| is_terminating(other)))
}

/// Whether the controller has seen the newest spec and counted the pods as they are in our cache.
fn has_counted(set: &StatefulSet, status: &StatefulSetStatus, own: &[&Pod]) -> bool {
    let is_current = |pod: &&&Pod| !is_terminating(pod) && revision(pod) == status.update_revision.as_deref();
    let counted = |count: usize, number: i32| i32::try_from(count) == Ok(number);
    status.observed_generation == set.metadata.generation
        && counted(own.len(), status.replicas)
        && counted(own.iter().filter(is_current).count(), status.updated_replicas.unwrap_or(0))
}

fn is_of(set: &StatefulSet, pod: &Pod) -> bool {
    pod.owner_references().iter().any(|owner| Some(&owner.uid) == set.metadata.uid.as_ref())
}

fn revision(pod: &Pod) -> Option<&str> {
    pod.labels().get(REVISION_LABEL).map(String::as_str)
}

fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Since when the pod's container runs; `None` if it does not.
fn running(pod: &Pod) -> Option<Timestamp> {
    let mut containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let since = |container: &ContainerStatus| container.state.as_ref()?.running.as_ref()?.started_at.clone();
    containers.find_map(since).map(|time| time.0)
}

#[cfg(test)]
mod tests;
