//! Which volume each broker has, and which it had when it was last a member.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::PersistentVolumeClaim};
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

use super::{Error, decision::Broker};
use crate::{
    controller::Context,
    names::{MANAGER, PART_LABEL, Part, STACK_LABEL, StackId},
};

/// The annotation on the brokers' StatefulSet: by pod, the uid of the claim that the broker was last a member with. It
/// outlives the claims, and the operator.
const ANNOTATION: &str = "pingstack.dev/broker-volumes";

/// Uids of claims, by the pod that they belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Volumes {
    present: BTreeMap<String, String>,
    remembered: BTreeMap<String, String>,
}

impl Volumes {
    pub(super) async fn read(context: &Context, id: &StackId, set: &StatefulSet) -> Result<Self, Error> {
        let claims = Api::<PersistentVolumeClaim>::namespaced(context.client.clone(), &id.namespace);
        let of_brokers = format!("{STACK_LABEL}={},{PART_LABEL}={}", id.name, Part::RabbitMq.name());
        let claims =
            claims.list_metadata(&ListParams::default().labels(&of_brokers)).await.map_err(Error::Volumes)?;
        let present = claims.items.iter().filter(|claim| claim.metadata.deletion_timestamp.is_none());
        let present = present.filter_map(|claim| {
            // The StatefulSet's controller names a claim after its template, `data`, and the pod.
            let name = claim.name_any();
            Some((name.strip_prefix("data-")?.to_owned(), claim.uid()?))
        });
        let remembered = set.annotations().get(ANNOTATION);
        // What is not readable is not known, and nothing is decided on it.
        let remembered = remembered.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Ok(Self { present: present.collect(), remembered })
    }

    #[cfg(test)]
    pub(super) fn of(present: &[(&str, &str)], remembered: &[(&str, &str)]) -> Self {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(pod, uid)| ((*pod).to_owned(), (*uid).to_owned())).collect()
        };
        Self { present: map(present), remembered: map(remembered) }
    }

    pub(super) fn present(&self, pod: &str) -> Option<String> {
        self.present.get(pod).cloned()
    }

    pub(super) fn remembered(&self, pod: &str) -> Option<String> {
        self.remembered.get(pod).cloned()
    }

    /// What is to be recorded: the volume of each broker that is ready and among the nodes that `running` names, and of every
    /// other the recorded one. A broker without a record gets the first volume that it is seen with: it has one before it
    /// first starts, so a loss soon after the stack's creation is noticed as well.
    pub(super) fn to_record(
        &self,
        brokers: &[Broker],
        running: &BTreeSet<String>,
    ) -> BTreeMap<String, String> {
        let volume = |broker: &Broker| {
            let is_member = broker.ready && running.contains(&broker.node);
            let before = self.remembered.get(&broker.pod);
            let known =
                if is_member { broker.volume.as_ref().or(before) } else { before.or(broker.volume.as_ref()) };
            Some((broker.pod.clone(), known?.clone()))
        };
        brokers.iter().filter_map(volume).collect()
    }

    /// Writes `record` to the StatefulSet if it says something new.
    pub(super) async fn remember(
        &self,
        context: &Context,
        set: &StatefulSet,
        record: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        if *record == self.remembered {
            return Ok(());
        }
        let text = serde_json::to_string(record).unwrap_or_default();
        let patch = json!({ "metadata": { "uid": set.uid(), "annotations": { ANNOTATION: text } } });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let namespace = set.namespace().unwrap_or_default();
        let sets = Api::<StatefulSet>::namespaced(context.client.clone(), &namespace);
        let noted = sets.patch_metadata(&set.name_any(), &params, &Patch::Merge(&patch)).await;
        noted.map(drop).map_err(Error::Remember)
    }
}
