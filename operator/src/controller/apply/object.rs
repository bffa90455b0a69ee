//! One object: left alone if nothing changed, applied if it is ours or new, reported if it is somebody else's.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
};

use super::{Applier, Error, cached, drift::Applied};
use crate::{
    events::{Happening, Notice},
    names::MANAGER,
    watches::ChildKind,
};

/// What was applied last: an object that neither we nor anyone else has changed since costs no request.
#[derive(Debug, Default)]
pub struct Memo(Mutex<HashMap<Key, Entry>>);

/// The stack's uid, kind and name.
type Key = (String, &'static str, String);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Of the object as built.
    hash: u64,
    /// Of the object as the API server answered.
    resource_version: Option<String>,
}

impl Memo {
    fn get(&self, key: &Key) -> Option<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn set(&self, key: Key, entry: Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, entry);
    }

    /// Forgets a stack that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(stack, ..), _| stack != uid);
    }
}

impl Applier<'_> {
    /// The object as the cluster has it; `None` if somebody else's is in its place.
    pub(super) async fn apply<K: ChildKind>(&mut self, mut desired: K) -> Result<Option<Arc<K>>, Error> {
        let name = desired.name_any();
        let key = (self.id.uid.clone(), K::KIND, name.clone());
        let hash = hash(&desired);
        let last = self.context.memo.get(&key);
        let cached = cached::<K>(self.context, self.id, &name);
        if let (Some(last), Some(cached)) = (&last, &cached)
            && last.hash == hash
            && last.resource_version == cached.resource_version()
        {
            return Ok(Some(Arc::clone(cached)));
        }
        let Some(present) = self.present(&desired, cached.as_ref()).await? else { return Ok(None) };
        // With the uid that we know the API server refuses to touch an object that was made anew by somebody else.
        desired.meta_mut().uid = present.uid;
        let params = PatchParams::apply(MANAGER).force();
        let applied = self.api::<K>().patch(&name, &params, &Patch::Apply(&desired)).await;
        let applied = applied.map_err(|source| Error::Apply { kind: K::KIND, name: name.clone(), source })?;
        let happening = match (present.resource_version, &last) {
            (Some(_), _) if present.lacks_something => Some(Happening::Reclaimed),
            (None, None) => {
                self.created.note(&applied);
                None
            }
            (None, Some(_)) => Some(Happening::Restored),
            (Some(_), Some(last)) if last.hash == hash => {
                let corrected = |before: &Arc<K>| {
                    let last_version = last.resource_version.as_deref();
                    Applied { desired: &desired, before, after: &applied, last_version }.corrected()
                };
                cached.as_ref().is_some_and(corrected).then_some(Happening::Corrected)
            }
            _ => None,
        };
        if let Some(happening) = happening {
            self.context.events.notify(self.id, Notice::object(happening, &applied)).await;
        }
        self.context.memo.set(key, Entry { hash, resource_version: applied.resource_version() });
        Ok(Some(Arc::new(applied)))
    }

    /// Makes an object that is never applied over; `None` if somebody else's is in its place.
    pub(super) async fn create<K: ChildKind>(&mut self, object: K) -> Result<Option<K>, Error> {
        let name = object.name_any();
        let api = self.api::<K>();
        let failed = |source| Error::Apply { kind: K::KIND, name: name.clone(), source };
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), dry_run: false };
        match api.create(&params, &object).await {
            Ok(created) => {
                self.created.note(&created);
                Ok(Some(created))
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {
                if self.reclaim::<K>(&name, object.meta()).await? {
                    return Err(Error::Exists { kind: K::KIND, name });
                }
                self.conflicts.push(format!("{} {name}", K::KIND));
                Ok(None)
            }
            Err(source) => Err(failed(source)),
        }
    }

    pub(super) fn api<K: ChildKind>(&self) -> Api<K> {
        Api::namespaced(self.context.client.clone(), &self.id.namespace)
    }

    /// What is in the object's place; `None` if that is somebody else's.
    async fn present<K: ChildKind>(
        &mut self,
        desired: &K,
        cached: Option<&Arc<K>>,
    ) -> Result<Option<Present>, Error> {
        if let Some(cached) = cached {
            return Ok(Some(Present::of(cached.meta(), false)));
        }
        let name = desired.name_any();
        let live = self.api::<K>().get_metadata_opt(&name).await;
        let live = live.map_err(|source| Error::Apply { kind: K::KIND, name: name.clone(), source })?;
        match live {
            None => Ok(Some(Present::of(&ObjectMeta::default(), false))),
            Some(live) if self.is_ours(&live.metadata) => {
                let lacks_something = !self.lacks_nothing(&live.metadata, desired.meta());
                Ok(Some(Present::of(&live.metadata, lacks_something)))
            }
            Some(_) => {
                self.conflicts.push(format!("{} {name}", K::KIND));
                Ok(None)
            }
        }
    }
}

/// What the apply must find: nothing, or this very object.
struct Present {
    uid: Option<String>,
    resource_version: Option<String>,
    /// Labels, or the stack as its owner: why the cache does not have it.
    lacks_something: bool,
}

impl Present {
    fn of(metadata: &ObjectMeta, lacks_something: bool) -> Self {
        let ObjectMeta { uid, resource_version, .. } = metadata.clone();
        Self { uid, resource_version, lacks_something }
    }
}

fn hash<K: ChildKind>(object: &K) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Built objects always serialise; an empty text would only cost one request more.
    serde_json::to_string(object).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}
