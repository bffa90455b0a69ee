//! The names of the two APIs of metrics, and the documents in which they tell what they have.

use serde_json::{Value, json};

/// The one metric: messages of a stack's mail queue that wait or are being sent.
pub const METRIC: &str = "pingstack_mail_backlog";

/// The label of the metric: the stack's name.
pub const LABEL: &str = "pingstack";

/// How the API of custom metrics calls a `PingStack`.
pub const OBJECT: &str = "pingstacks.pingstack.dev";

/// An API that autoscalers read. A cluster has one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsGroup {
    /// Metrics of anything, selected by labels: what we serve by default.
    External,
    /// Metrics of an object: where the external ones belong to somebody else.
    Custom,
}

impl MetricsGroup {
    /// In the order in which we want them.
    pub const ALL: [Self; 2] = [Self::External, Self::Custom];

    /// The API group.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::External => "external.metrics.k8s.io",
            Self::Custom => "custom.metrics.k8s.io",
        }
    }

    /// The version that we serve.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::External => "v1beta1",
            Self::Custom => "v1beta2",
        }
    }

    /// The name of our `APIService`.
    #[must_use]
    pub const fn api_service(self) -> &'static str {
        match self {
            Self::External => "v1beta1.external.metrics.k8s.io",
            Self::Custom => "v1beta2.custom.metrics.k8s.io",
        }
    }

    /// The `APIService` of another version, by which somebody else may have the group.
    #[must_use]
    pub const fn other_version(self) -> Option<&'static str> {
        match self {
            Self::External => None,
            Self::Custom => Some("v1beta1.custom.metrics.k8s.io"),
        }
    }

    /// The kind of a list of metrics.
    #[must_use]
    pub const fn list_kind(self) -> &'static str {
        match self {
            Self::External => "ExternalMetricValueList",
            Self::Custom => "MetricValueList",
        }
    }

    /// Group and version, as in `apiVersion`.
    #[must_use]
    pub fn api_version(self) -> String {
        format!("{}/{}", self.name(), self.version())
    }

    fn resource(self) -> String {
        match self {
            Self::External => METRIC.to_owned(),
            Self::Custom => format!("{OBJECT}/{METRIC}"),
        }
    }
}

/// `/apis`.
#[must_use]
pub fn groups() -> Value {
    let groups = MetricsGroup::ALL.map(|group| {
        let mut group = self::group(group);
        if let Some(fields) = group.as_object_mut() {
            fields.remove("kind");
            fields.remove("apiVersion");
        }
        group
    });
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
pub fn resources(group: MetricsGroup) -> Value {
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group.api_version(),
        "resources": [{
            "name": group.resource(),
            "singularName": "",
            "namespaced": true,
            "kind": group.list_kind(),
            "verbs": ["get"],
        }],
    })
}
