//! The two APIs of metrics.

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

    /// Those that a program can serve: the custom one only if its metrics are of objects.
    #[must_use]
    pub const fn served(of_objects: bool) -> &'static [Self] {
        if of_objects { &Self::ALL } else { &[Self::External] }
    }

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
}
