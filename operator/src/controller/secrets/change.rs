//! A write to a Secret that exists.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::ResourceExt as _;
use serde_json::{Value, json};

/// What changes in a Secret; the rest of it stays. `Debug` prints no values.
#[derive(Clone, PartialEq)]
pub struct SecretChange {
    /// The Secret, as it is.
    pub secret: Arc<Secret>,
    /// Values by key; `None` removes one.
    pub data: BTreeMap<String, Option<ByteString>>,
    /// Annotations; `None` removes one.
    pub annotations: BTreeMap<String, Option<String>>,
    /// All owners, if they change.
    pub owners: Option<Vec<OwnerReference>>,
}

impl SecretChange {
    /// No change yet.
    #[must_use]
    pub fn of(secret: &Arc<Secret>) -> Self {
        Self { secret: Arc::clone(secret), data: BTreeMap::new(), annotations: BTreeMap::new(), owners: None }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty() && self.annotations.is_empty() && self.owners.is_none()
    }

    /// Sets a value, or removes it.
    pub fn set(&mut self, key: &str, value: Option<ByteString>) {
        self.data.insert(key.to_owned(), value);
    }

    /// Sets an annotation, or removes it.
    pub fn annotate(&mut self, name: &str, value: Option<String>) {
        self.annotations.insert(name.to_owned(), value);
    }

    /// The Secret with the change.
    #[must_use]
    pub fn applied(&self) -> Secret {
        let mut secret = (*self.secret).clone();
        let data = secret.data.get_or_insert_default();
        for (key, value) in &self.data {
            match value {
                Some(value) => drop(data.insert(key.clone(), value.clone())),
                None => drop(data.remove(key)),
            }
        }
        for (name, value) in &self.annotations {
            match value {
                Some(value) => drop(secret.annotations_mut().insert(name.clone(), value.clone())),
                None => drop(secret.annotations_mut().remove(name)),
            }
        }
        if let Some(owners) = &self.owners {
            secret.metadata.owner_references = Some(owners.clone());
        }
        secret
    }

    /// The change as a merge patch, which the API server refuses if the Secret is another by then.
    #[must_use]
    pub fn patch(&self) -> Value {
        let mut metadata = json!({
            "uid": self.secret.metadata.uid,
            "resourceVersion": self.secret.metadata.resource_version,
        });
        if !self.annotations.is_empty() {
            metadata["annotations"] = json!(self.annotations);
        }
        if let Some(owners) = &self.owners {
            metadata["ownerReferences"] = json!(owners);
        }
        let mut patch = json!({ "metadata": metadata });
        if !self.data.is_empty() {
            patch["data"] = json!(self.data);
        }
        patch
    }
}

impl std::fmt::Debug for SecretChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.data.iter().map(|(key, value)| (key, value.is_some())).collect::<Vec<_>>();
        f.debug_struct("SecretChange")
            .field("name", &self.secret.name_any())
            .field("keys", &keys)
            .field("annotations", &self.annotations)
            .field("owners", &self.owners)
            .finish()
    }
}
