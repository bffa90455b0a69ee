//! The volumes of Redis and the brokers.

use pingstack_crd::{RetentionPolicy, references::Storage};
use serde_json::{Value, json};

/// The name of the claim's template. A pod's own claim is called `data-POD`.
pub const DATA_CLAIM: &str = "data";

/// The claim of each pod.
pub(super) fn claim(storage: &Storage) -> Value {
    json!({
        "metadata": { "name": DATA_CLAIM },
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
