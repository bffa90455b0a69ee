//! Pods of Redis and the broker that wait for their volume: which class it shall be of, why it is not there, and how to
//! go on. Neither a claim nor a `StatefulSet` can be given another class later, so the way out depends on the case.

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{ResourceExt as _, runtime::reflector::ObjectRef};

use super::{Unscheduled, newest_warning};
use crate::{
    controller::{Context, build::DATA_CLAIM, findings::Problem},
    names::{Part, STACK_LABEL, StackId},
    watches::ChildKind as _,
};

/// The scheduler's words for a volume that does not exist yet. The third comes when a volume is made only for a pod that
/// has a node, and making it took too long.
const WAITING: [&str; 4] = [
    "unbound immediate PersistentVolumeClaims",
    "didn't find available persistent volumes to bind",
    "binding volumes",
    "did not have enough free storage",
];

/// The scheduler's words for a volume that only some nodes reach, none of which takes the pod.
const ELSEWHERE: [&str; 2] = ["PersistentVolume's node affinity", "volume node affinity conflict"];

/// Whether the scheduler's `message` is about a volume that does not exist yet.
pub(super) fn is_awaited(message: &str) -> bool {
    let is_not_made = message.contains("persistentvolumeclaim") && message.contains("not found");
    is_not_made || WAITING.iter().any(|words| message.contains(words))
}

/// What to add to the scheduler's `message` if the pod's volume keeps it from other nodes.
pub(super) fn hint(message: &str) -> &'static str {
    let is_elsewhere = ELSEWHERE.iter().any(|words| message.contains(words));
    if is_elsewhere { "; its volume keeps it from other nodes, see docs/nodes.md" } else { "" }
}

/// A pod that waits for its volume.
pub(super) struct Awaiting<'a> {
    /// The pod's part.
    pub part: Part,
    pub pod: &'a Pod,
    /// What the scheduler says.
    pub unscheduled: Unscheduled<'a>,
}

/// Why the pod's volume is not there, and what to do.
pub(super) async fn awaited(context: &Context, id: &StackId, awaiting: &Awaiting<'_>) -> Problem {
    let name = awaiting.pod.name_any();
    let claim = format!("{DATA_CLAIM}-{name}");
    let cause = newest_warning(context, id, "PersistentVolumeClaim", &claim).await;
    let set = ObjectRef::new(&id.part(awaiting.part)).within(&id.namespace);
    let class = StatefulSet::store(&context.children).get(&set).and_then(|set| class(&set));
    let cause = cause.as_ref().map_or(awaiting.unscheduled.said, |warning| warning.message.as_str());
    let problem = problem(id, &name, class.as_deref(), cause);
    Problem { since: awaiting.unscheduled.since, ..problem }
}

/// The class that a set's claims name; `None` means the cluster's default.
fn class(set: &StatefulSet) -> Option<String> {
    let claims = set.spec.as_ref()?.volume_claim_templates.as_ref()?;
    claims.first()?.spec.as_ref()?.storage_class_name.clone()
}

fn problem(id: &StackId, pod: &str, class: Option<&str>, cause: &str) -> Problem {
    let wait = match class {
        Some(class) => format!(
            "pod {pod} waits for a volume of the StorageClass {class}: {cause}. Once that class exists and has room, the \
             pod starts by itself"
        ),
        None => format!(
            "pod {pod} waits for a volume of the cluster's default StorageClass: {cause}. Once a default class exists and \
             has room, the pod starts by itself"
        ),
    };
    // The claims outlive the stack unless its retentionPolicy says otherwise; a new stack of the same name would wait for
    // the same ones.
    let message = format!(
        "{wait}. storage.storageClassName cannot be changed: to use another class, delete the stack (kubectl -n \
         {namespace} delete pingstack {name} --cascade=foreground), then its claims with the data in them (kubectl -n \
         {namespace} delete pvc -l {STACK_LABEL}={name}), and create it again",
        namespace = id.namespace,
        name = id.name,
    );
    Problem { reason: "VolumePending", message, since: None }
}

/// What is said of a pod that waits for its volume, for the tests of conditions.
#[cfg(test)]
pub(in crate::controller) fn example() -> Problem {
    let id = StackId { namespace: "team".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
    problem(&id, "demo-redis-0", None, "no default class")
}

#[cfg(test)]
mod tests;
