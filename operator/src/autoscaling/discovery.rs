//! The names of the API, and the documents in which it tells what it has.

use serde_json::{Value, json};

/// The API group.
pub const GROUP: &str = "external.metrics.k8s.io";

/// Its version.
pub const VERSION: &str = "v1beta1";

/// The one metric: messages of a stack's mail queue that wait or are being sent.
pub const METRIC: &str = "pingstack_mail_backlog";

/// The label of the metric: the stack's name.
pub const LABEL: &str = "pingstack";

/// `/apis`.
#[must_use]
pub fn groups() -> Value {
    let mut group = group();
    if let Some(fields) = group.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [group] })
}

/// `/apis/external.metrics.k8s.io`.
#[must_use]
pub fn group() -> Value {
    let version = json!({ "groupVersion": format!("{GROUP}/{VERSION}"), "version": VERSION });
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": [version],
        "preferredVersion": version,
    })
}

/// `/apis/external.metrics.k8s.io/v1beta1`. Never an empty list: kubectl and Helm complain about that at every call.
#[must_use]
pub fn resources() -> Value {
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": format!("{GROUP}/{VERSION}"),
        "resources": [{
            "name": METRIC,
            "singularName": "",
            "namespaced": true,
            "kind": "ExternalMetricValueList",
            "verbs": ["get"],
        }],
    })
}
