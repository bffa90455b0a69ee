//! Kubernetes Events about a stack: changes only, never "nothing to do".

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use k8s_openapi::{
    api::core::v1::{ObjectReference, Pod},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Client, ResourceExt as _,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use pingstack_crd::versions::API_VERSION;
use service_kit::telemetry::chain;

use crate::{
    names::{MANAGER, StackId},
    watches::ChildKind,
};

/// What happened to an object of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// It is new.
    Created,
    /// Somebody had deleted it.
    Restored,
    /// Somebody had changed it.
    Corrected,
    /// Values that it lacked were written into it.
    Completed,
    /// It had lost its labels or its owner.
    Reclaimed,
    /// The stack no longer needs it.
    Deleted,
}

/// One event.
pub struct Notice {
    event: Event,
}

impl Notice {
    /// Something happened to an object.
    #[must_use]
    pub fn object<K: ChildKind>(happening: Happening, object: &K) -> Self {
        let kind = K::KIND;
        let name = object.name_any();
        let (reason, type_, note) = match happening {
            Happening::Created => ("Created", EventType::Normal, format!("created the {kind} {name}")),
            Happening::Restored => {
                ("Restored", EventType::Warning, format!("the {kind} {name} had been deleted: recreated it"))
            }
            Happening::Corrected => {
                ("Corrected", EventType::Warning, format!("the {kind} {name} had been changed: restored it"))
            }
            Happening::Completed => {
                ("Completed", EventType::Normal, format!("wrote missing values into the {kind} {name}"))
            }
            Happening::Reclaimed => (
                "Reclaimed",
                EventType::Normal,
                format!("the {kind} {name} lacked labels or its owner: restored them and kept the rest"),
            ),
            Happening::Deleted => (
                "Deleted",
                EventType::Normal,
                format!("deleted the {kind} {name}, which is no longer needed"),
            ),
        };
        let secondary = ObjectReference {
            api_version: Some(K::API_VERSION.to_owned()),
            kind: Some(kind.to_owned()),
            name: Some(name),
            namespace: object.namespace(),
            uid: object.uid(),
            ..ObjectReference::default()
        };
        Self {
            event: Event {
                type_,
                reason: reason.to_owned(),
                note: Some(note),
                action: "Apply".to_owned(),
                secondary: Some(secondary),
            },
        }
    }

    /// The rotation of a key took a step.
    #[must_use]
    pub fn rotation(step: &str) -> Self {
        Self::step("Rotation", step)
    }

    /// The sealing of mails took a step, or the rotation of its key.
    #[must_use]
    pub fn sealing(step: &str) -> Self {
        Self::step("Sealing", step)
    }

    fn step(reason: &str, step: &str) -> Self {
        let event = Event {
            type_: EventType::Normal,
            reason: reason.to_owned(),
            note: Some(step.to_owned()),
            action: reason.to_owned(),
            secondary: None,
        };
        Self { event }
    }

    /// A pod of an old template that blocked the rollout was deleted.
    #[must_use]
    pub fn blocking_pod_deleted(pod: &Pod) -> Self {
        let name = pod.name_any();
        let note = format!(
            "deleted pod {name}, which was not ready and kept the current settings from being applied"
        );
        Self::about_pod(pod, EventType::Normal, "BlockingPodDeleted", note)
    }

    /// The pod of a broker that stayed apart from the others was deleted.
    #[must_use]
    pub fn broker_restarted(pod: &Pod) -> Self {
        let note = format!(
            "deleted pod {}: its broker stayed apart from the other members of its cluster and joins them again by a restart",
            pod.name_any()
        );
        Self::about_pod(pod, EventType::Warning, "BrokerRestarted", note)
    }

    fn about_pod(pod: &Pod, type_: EventType, reason: &str, note: String) -> Self {
        let secondary = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.name_any()),
            namespace: pod.namespace(),
            uid: pod.uid(),
            ..ObjectReference::default()
        };
        Self {
            event: Event {
                type_,
                reason: reason.to_owned(),
                note: Some(note),
                action: "Apply".to_owned(),
                secondary: Some(secondary),
            },
        }
    }

    /// A condition changed.
    #[must_use]
    pub fn condition(condition: &Condition, is_warning: bool) -> Self {
        let event = Event {
            type_: if is_warning { EventType::Warning } else { EventType::Normal },
            reason: condition.reason.clone(),
            note: Some(format!("{}: {}", condition.type_, condition.message)),
            action: condition.type_.clone(),
            secondary: None,
        };
        Self { event }
    }

    /// Objects on the broker were made or mended.
    #[must_use]
    pub fn topology(drifted: bool, change: &str) -> Self {
        let (type_, reason) = if drifted {
            (EventType::Warning, "TopologyCorrected")
        } else {
            (EventType::Normal, "TopologyCreated")
        };
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(change.to_owned()),
            action: "Topology".to_owned(),
            secondary: None,
        };
        Self { event }
    }
}

/// The objects that one pass created: one Event names them all.
#[derive(Default)]
pub struct Creations(Vec<(&'static str, Notice)>);

impl Creations {
    /// This one was created.
    pub fn note<K: ChildKind>(&mut self, object: &K) {
        self.0.push((K::KIND, Notice::object(Happening::Created, object)));
    }

    /// The Event about all of them; `None` if there are none.
    #[must_use]
    pub fn into_notice(mut self) -> Option<Notice> {
        if self.0.len() < 2 {
            return self.0.pop().map(|(_, notice)| notice);
        }
        let mut kinds = Vec::<(&str, usize)>::new();
        for (kind, _) in &self.0 {
            match kinds.iter_mut().find(|(known, _)| known == kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((kind, 1)),
            }
        }
        let kinds = kinds.iter().map(|(kind, count)| format!("{kind} ({count})")).collect::<Vec<_>>();
        let event = Event {
            type_: EventType::Normal,
            reason: "Created".to_owned(),
            note: Some(format!("created {} objects: {}", self.0.len(), kinds.join(", "))),
            action: "Apply".to_owned(),
            secondary: None,
        };
        Some(Notice { event })
    }
}

/// The most octets that the API takes as an Event's text.
const LONGEST_NOTE: usize = 1024;

/// The recorder counts an Event that it knows by type, reason and action, and keeps its first text. Events with different
/// texts are made different by their actions.
fn told_apart(mut event: Event) -> Event {
    let note = shortened(event.note.unwrap_or_default());
    let mut hasher = DefaultHasher::new();
    note.hash(&mut hasher);
    event.action = format!("{}-{:016x}", event.action, hasher.finish());
    Event { note: Some(note), ..event }
}

fn shortened(note: String) -> String {
    const END: char = '…';
    if note.len() <= LONGEST_NOTE {
        return note;
    }
    let end = note.floor_char_boundary(LONGEST_NOTE - END.len_utf8());
    format!("{}{END}", &note[..end])
}

/// Sends events.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// Events in the name of `instance`, the operator's pod.
    #[must_use]
    pub fn new(client: Client, instance: String) -> Self {
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: Some(instance) };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// Sends one. An event that cannot be sent is logged and no more: it is a courtesy.
    pub async fn notify(&self, id: &StackId, notice: Notice) {
        let event = told_apart(notice.event);
        let reference = ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some("PingStack".to_owned()),
            name: Some(id.name.clone()),
            namespace: Some(id.namespace.clone()),
            uid: Some(id.uid.clone()),
            ..ObjectReference::default()
        };
        tracing::info!(
            namespace = %id.namespace, stack = %id.name, reason = %event.reason,
            note = event.note.as_deref().unwrap_or_default(), "event"
        );
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::warn!(error = %chain(&error), "event could not be sent");
        }
    }
}

#[cfg(test)]
mod tests;
