//! The documents in which the two APIs of metrics tell what they have.

use serde_json::{Value, json};

use crate::{
    group::MetricsGroup,
    provider::{ExternalMetricsProvider, Objects},
};

/// `/apis`.
#[must_use]
pub fn groups(served: &[MetricsGroup]) -> Value {
    let without_head = |group: &MetricsGroup| {
        let mut group = self::group(*group);
        if let Some(fields) = group.as_object_mut() {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        group
    };
    let groups = served.iter().map(without_head).collect::<Vec<_>>();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/external.metrics.k8s.io`, or the other.
#[must_use]
pub fn group(group: MetricsGroup) -> Value {
    let version = json!({ "groupVersion": group.api_version(), "version": group.version() });
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": group.name(),
        "versions": [version],
        "preferredVersion": version,
    })
}

/// `/apis/external.metrics.k8s.io/v1beta1`, or the other. Never an empty list: kubectl and Helm complain about that at every
/// call.
#[must_use]
pub fn resources(group: MetricsGroup, provider: &dyn ExternalMetricsProvider) -> Value {
    let objects = provider.objects();
    let resources = provider.metrics().into_iter().filter_map(|metric| {
        let name = match (group, &objects) {
            (MetricsGroup::External, _) => metric,
            (MetricsGroup::Custom, Some(Objects { resource, .. })) => format!("{resource}/{metric}"),
            (MetricsGroup::Custom, None) => return None,
        };
        Some(json!({
            "name": name,
            "singularName": "",
            "namespaced": true,
            "kind": group.list_kind(),
            "verbs": ["get"],
        }))
    });
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group.api_version(),
        "resources": resources.collect::<Vec<_>>(),
    })
}
