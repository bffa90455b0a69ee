//! The volumes of Redis and the brokers.

use serde_json::{Value, json};

use crate::crd::{RetentionPolicy, references::Storage};

/// The claim of each pod.
pub(super) fn claim(storage: &Storage) -> Value {
    json!({
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage.storage_class_name,
            "resources": { "requests": { "storage": storage.size } },
        },
    })
}

/// What becomes of the claims with their `StatefulSet`. Scaling down never happens.
pub(super) fn retention(policy: RetentionPolicy) -> Value {
    let when_deleted = match policy {
        RetentionPolicy::Retain => "Retain",
        RetentionPolicy::Delete => "Delete",
    };
    json!({ "whenDeleted": when_deleted, "whenScaled": "Retain" })
}
