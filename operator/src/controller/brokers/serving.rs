//! Which brokers clients may connect to: those whose pod has the label [`SERVING_LABEL`] with the value `true`.
//!
//! The pod template has it, so that a broker which restarts while the operator is down is used again. The operator changes the
//! value to `false` only on a node that is proven to be in another cluster, and back once it is with the others again.

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{Pod, Service},
};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;
use service_kit::telemetry::chain;

use super::members::{Brokers, Membership};
use crate::{
    controller::Context,
    names::{MANAGER, Part, SERVING_LABEL, StackId},
};

/// Takes the label out of the selector of the Service for clients while a pod of an older template is without it.
pub(in crate::controller) fn restrict(services: &mut [Service], id: &StackId, present: &Present) {
    if present.can_select() {
        return;
    }
    for service in services.iter_mut().filter(|service| service.name_any() == id.part(Part::RabbitMq)) {
        let selector = service.spec.as_mut().and_then(|spec| spec.selector.as_mut());
        selector.map(|selector| selector.remove(SERVING_LABEL));
    }
}

/// What the cluster has of a stack's brokers.
pub(in crate::controller) struct Present {
    /// The Service for clients.
    pub service: Option<Arc<Service>>,
    /// What makes the pods.
    pub stateful_set: Option<Arc<StatefulSet>>,
    /// The pods.
    pub pods: Vec<Arc<Pod>>,
}

impl Present {
    /// Whether a selector with the label finds every pod that one without it finds, now and after a restart.
    fn can_select(&self) -> bool {
        if self.pods.iter().any(|pod| !pod.labels().contains_key(SERVING_LABEL)) {
            return false;
        }
        // Nobody is without it, but the next pod may be: one of the template before, in the middle of a roll.
        self.selects()
            || self.stateful_set.as_ref().is_none_or(|set| !self.pods.is_empty() && has_rolled(set))
    }

    /// Whether the Service selects by the label already: then every template since has it.
    fn selects(&self) -> bool {
        let selector = self.service.as_ref().and_then(|service| service.spec.as_ref()?.selector.as_ref());
        selector.is_some_and(|selector| selector.contains_key(SERVING_LABEL))
    }
}

/// Whether every new pod is made from a template that has the label.
fn has_rolled(set: &StatefulSet) -> bool {
    let template = set.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
    let labelled = template.is_some_and(|labels| labels.contains_key(SERVING_LABEL));
    let observed = |set: &StatefulSet| {
        let status = set.status.as_ref()?;
        let rolled = status.current_revision.is_some() && status.current_revision == status.update_revision;
        Some(rolled && status.observed_generation == set.metadata.generation)
    };
    labelled && observed(set).unwrap_or(false)
}

/// Writes the label of pods whose value is wrong. One that cannot be written is tried again at the next reconcile.
pub(in crate::controller) async fn mark(context: &Context, id: &StackId, brokers: &Brokers) {
    let pods = context.children.pods.of(id, Part::RabbitMq);
    for (pod, value) in wrong(&pods, brokers) {
        let api = Api::<Pod>::namespaced(context.client.clone(), &id.namespace);
        // With the uid that we know a pod made since keeps the label of its template.
        let patch = json!({ "metadata": { "uid": pod.uid(), "labels": { SERVING_LABEL: value } } });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        match api.patch_metadata(&pod.name_any(), &params, &Patch::Merge(&patch)).await {
            Ok(_) => tracing::warn!(
                namespace = %id.namespace, stack = %id.name, pod = pod.name_any(), serving = value,
                "changed whether clients may use a broker"
            ),
            Err(error) => tracing::warn!(
                namespace = %id.namespace, stack = %id.name, pod = pod.name_any(), error = %chain(&error),
                "the label of a broker's pod cannot be written, trying again"
            ),
        }
    }
}

/// The pods whose label must change, with its new value.
fn wrong<'a>(pods: &'a [Arc<Pod>], brokers: &Brokers) -> Vec<(&'a Arc<Pod>, &'static str)> {
    let membership = brokers.membership();
    let node_of = |pod: &str| brokers.0.iter().find(|broker| broker.pod == pod).map(|broker| &broker.node);
    let wanted = |pod: &str| match &membership {
        Membership::Unknown(_) => None,
        Membership::United { running } => running.contains(node_of(pod)?).then_some("true"),
        Membership::Split { apart, .. } if apart.contains(pod) => Some("false"),
        Membership::Split { majority, .. } => majority.contains(node_of(pod)?).then_some("true"),
    };
    let change = |pod: &'a Arc<Pod>| {
        let now = pod.labels().get(SERVING_LABEL)?;
        let wanted = wanted(&pod.name_any())?;
        (now != wanted).then_some((pod, wanted))
    };
    pods.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests;
