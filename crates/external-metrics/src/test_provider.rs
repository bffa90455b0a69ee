//! Queues with a length each, for tests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::jiff::Timestamp;

use crate::provider::{ExternalMetricsProvider, Objects, Sample, Series};

pub(crate) const METRIC: &str = "queue_length";

/// Serves the metric [`METRIC`] with the label `queue`. Clones share the queues.
#[derive(Clone, Default)]
pub(crate) struct Queues {
    lengths: Arc<Mutex<BTreeMap<String, Result<u64, String>>>>,
    /// Whether they are objects of the cluster.
    pub(crate) are_objects: bool,
}

impl Queues {
    /// Two readable queues in the namespace `shop`, and in `back` one that is not.
    pub(crate) fn three() -> Self {
        let queues = Self { are_objects: true, ..Self::default() };
        queues.set("shop/demo", Ok(42));
        queues.set("shop/other", Ok(1));
        queues.set("back/demo", Err("nobody knows the length of demo".to_owned()));
        queues
    }

    /// Says how long the queue `namespace/name` is.
    pub(crate) fn set(&self, queue: &str, length: Result<u64, String>) {
        self.lengths.lock().unwrap_or_else(PoisonError::into_inner).insert(queue.to_owned(), length);
    }
}

impl ExternalMetricsProvider for Queues {
    fn metrics(&self) -> Vec<String> {
        vec![METRIC.to_owned()]
    }

    fn values(&self, namespace: &str, _metric: &str) -> Vec<Series> {
        let lengths = self.lengths.lock().unwrap_or_else(PoisonError::into_inner);
        let taken_at = Timestamp::new(1_767_323_045, 999_999_999).unwrap();
        let series = lengths.iter().filter_map(|(queue, length)| {
            let (_, name) = queue.split_once('/').filter(|(its, _)| *its == namespace)?;
            let sample = length.clone().map(|value| Sample { value, taken_at });
            Some(Series { labels: [("queue".to_owned(), name.to_owned())].into(), sample })
        });
        series.collect()
    }

    fn objects(&self) -> Option<Objects> {
        self.are_objects.then(|| Objects {
            resource: "queues.example.org".to_owned(),
            api_version: "example.org/v1".to_owned(),
            kind: "Queue".to_owned(),
            name_label: "queue".to_owned(),
        })
    }
}
