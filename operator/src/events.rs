//! Kubernetes Events about a stack: changes only, never "nothing to do".

use k8s_openapi::{
    api::core::v1::{ObjectReference, Pod},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Client, ResourceExt as _,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use service_kit::telemetry::chain;

use crate::{
    children::ChildKind,
    names::{MANAGER, StackId},
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
        let (kind, name) = (K::KIND, object.name_any());
        let (reason, type_, note) = match happening {
            Happening::Created => ("Created", EventType::Normal, format!("created the {kind} {name}")),
            Happening::Restored => {
                ("Restored", EventType::Warning, format!("the {kind} {name} had been deleted: recreated it"))
            }
            Happening::Corrected => {
                ("Corrected", EventType::Warning, format!("the {kind} {name} had been changed: restored it"))
            }
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
            action: short(change),
            secondary: None,
        };
        Self { event }
    }
}

/// The recorder folds events of the same action into one; an action has at most 128 characters.
fn short(text: &str) -> String {
    text.chars().take(128).collect()
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
        let reference = ObjectReference {
            api_version: Some("pingstack.dev/v1alpha1".to_owned()),
            kind: Some("PingStack".to_owned()),
            name: Some(id.name.clone()),
            namespace: Some(id.namespace.clone()),
            uid: Some(id.uid.clone()),
            ..ObjectReference::default()
        };
        tracing::info!(
            namespace = %id.namespace, stack = %id.name, reason = %notice.event.reason,
            note = notice.event.note.as_deref().unwrap_or_default(), "event"
        );
        if let Err(error) = self.recorder.publish(&notice.event, &reference).await {
            tracing::warn!(error = %chain(&error), "event could not be sent");
        }
    }
}
