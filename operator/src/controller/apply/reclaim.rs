//! Objects of the stack that the caches do not have: somebody removed a label, or the stack from their owners, as
//! `kubectl delete --cascade=orphan` and a restored backup do. They get both back, and keep everything else.

use k8s_openapi::{Resource as _, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Applier, Error};
use crate::{
    controller::dereference::own_secret,
    events::{Happening, Notice},
    names::{MANAGER, Part, Slot},
    watches::ChildKind,
};

impl Applier<'_> {
    /// Whether an object with a name of the stack's is its own, or may become it.
    pub(super) fn is_ours(&self, object: &ObjectMeta) -> bool {
        self.id.owns(object.owner_references.as_ref()) || self.id.may_adopt(object)
    }

    /// Whether an object of the stack has the labels of `wanted`, and the stack among its owners where `wanted` has owners.
    pub(super) fn lacks_nothing(&self, live: &ObjectMeta, wanted: &ObjectMeta) -> bool {
        let labels = live.labels.as_ref();
        let has = |(name, value)| labels.is_some_and(|labels| labels.get(name) == Some(value));
        wanted.labels.iter().flatten().all(has)
            && (wanted.owner_references.is_none() || self.id.owns(live.owner_references.as_ref()))
    }

    /// Gives the object of this name the labels and owners of `wanted`. Whether it is the stack's.
    pub(super) async fn reclaim<K: ChildKind>(&self, name: &str, wanted: &ObjectMeta) -> Result<bool, Error> {
        let api = self.api::<K>();
        let failed = |source| Error::Apply { kind: K::KIND, name: name.to_owned(), source };
        let Some(live) = api.get_metadata_opt(name).await.map_err(failed)? else { return Ok(false) };
        let live = live.metadata;
        if !self.is_ours(&live) {
            return Ok(false);
        }
        if self.lacks_nothing(&live, wanted) {
            // The cache is behind.
            return Ok(true);
        }
        let mut metadata = json!({
            "uid": live.uid, "resourceVersion": live.resource_version, "labels": wanted.labels,
        });
        if let Some(owners) = &wanted.owner_references {
            metadata["ownerReferences"] = json!(owners);
        }
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        let reclaimed = api.patch(name, &params, &patch).await.map_err(failed)?;
        self.context.events.notify(self.id, Notice::object(Happening::Reclaimed, &reclaimed)).await;
        Ok(true)
    }

    /// Before a Secret is created: those of the stack that the cache does not have are read by name, since a value that is
    /// there must not be drawn again. An error if there is one.
    pub(super) async fn reclaim_secrets(&self) -> Result<(), Error> {
        let mut found = None;
        for (name, wanted) in self.secrets() {
            if own_secret(&self.context.children, self.id, &name).is_none()
                && self.reclaim::<Secret>(&name, &wanted).await?
            {
                found = Some(name);
            }
        }
        found.map_or(Ok(()), |name| Err(Error::Exists { kind: Secret::KIND, name }))
    }

    /// The names that Secrets of the stack have, with their labels and owners.
    fn secrets(&self) -> Vec<(String, ObjectMeta)> {
        let id = self.id;
        let owned = |name: String, part: Part| {
            let owners = Some(vec![id.owner_reference()]);
            (
                name,
                ObjectMeta {
                    labels: Some(id.labels(part)),
                    owner_references: owners,
                    ..ObjectMeta::default()
                },
            )
        };
        let of_parts =
            [Part::Redis, Part::RabbitMq, Part::UserService].map(|part| owned(id.part(part), part));
        let mail_keys = owned(id.mail_keys_secret(), Part::MailService);
        let of_slots = Slot::ALL.map(|slot| owned(id.broker_users_secret(slot), Part::RabbitMq));
        // Whether the stack owns it is up to `retentionPolicy`, which is seen to once it is in the cache.
        let labels = Some(id.labels(Part::UserService));
        let user_ids = (id.user_ids_secret(), ObjectMeta { labels, ..ObjectMeta::default() });
        of_parts.into_iter().chain(of_slots).chain([mail_keys, user_ids]).collect()
    }
}
