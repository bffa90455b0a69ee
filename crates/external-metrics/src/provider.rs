//! What a program that serves metrics says of them.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

/// The metrics of a program. It answers at once, from what it read before: an autoscaler is waiting for each answer, and the API
/// server gives up after a few seconds.
pub trait ExternalMetricsProvider: Send + Sync + 'static {
    /// The names of the metrics. Never none, and always the same.
    fn metrics(&self) -> Vec<String>;

    /// Each series of a metric in a namespace, whichever of them a request selects. A metric without any there has none.
    fn values(&self, namespace: &str, metric: &str) -> Vec<Series>;

    /// The objects that the series are of. With them the metrics can be served as `custom.metrics.k8s.io` too, where the external
    /// ones belong to another server.
    fn objects(&self) -> Option<Objects> {
        None
    }
}

/// One series of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What tells it from the others: a request selects by these.
    pub labels: BTreeMap<String, String>,
    /// Its sample, or a sentence that says why there is none: then a request that selects it gets no number at all.
    pub sample: Result<Sample, String>,
}

/// A number at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The number.
    pub value: u64,
    /// When it was so.
    pub taken_at: Timestamp,
}

/// Objects of the cluster with a series each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objects {
    /// What the API of custom metrics calls them: plural and group, such as `deployments.apps`.
    pub resource: String,
    /// Their group and version, as in a manifest.
    pub api_version: String,
    /// Their kind.
    pub kind: String,
    /// The label of a series that has the object's name.
    pub name_label: String,
}
