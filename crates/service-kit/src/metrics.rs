//! The metrics registry of a process and its text form (`OpenMetrics` 1.0).

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

pub use prometheus_client;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, text::encode},
    metrics::{
        MetricType,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};
use tokio::runtime::Handle;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry. Clones share it.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    /// A registry with `ping_build_info{service,version}` and `ping_runtime_alive_tasks`.
    #[must_use]
    pub fn new(service: &'static str, version: &'static str) -> Self {
        let mut registry = Registry::default();
        let build = Family::<[(&'static str, &'static str); 2], Gauge>::default();
        build.get_or_create(&[("service", service), ("version", version)]).set(1);
        registry.register("ping_build_info", "Which program and version this is; always 1", build);
        registry.register_collector(Box::new(AliveTasks));
        Self { registry: Arc::new(Mutex::new(registry)) }
    }

    /// Registers what a part measures, under the names it gives.
    pub fn register(&self, with: impl FnOnce(&mut Registry)) {
        with(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The text that a scraper reads.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail, and our own metrics encode without error.
        let _ = encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        text
    }
}

/// Tasks of the runtime that have not ended, counted when somebody asks; nothing outside of a runtime.
#[derive(Debug)]
struct AliveTasks;

impl Collector for AliveTasks {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Ok(runtime) = Handle::try_current() else { return Ok(()) };
        let tasks = i64::try_from(runtime.metrics().num_alive_tasks()).unwrap_or(i64::MAX);
        let help = "Tasks of the runtime that have not ended; one that only grows is a leak";
        let gauge = encoder.encode_descriptor("ping_runtime_alive_tasks", help, None, MetricType::Gauge)?;
        ConstGauge::new(tasks).encode(gauge)
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[tokio::test]
    async fn a_task_is_counted_until_it_ends() {
        let metrics = Metrics::new("user-service", "1.2.3");
        let tasks = |n| metrics.encode().contains(&format!("ping_runtime_alive_tasks {n}\n"));
        assert!(tasks(0), "{}", metrics.encode());
        #[expect(clippy::disallowed_methods, reason = "the task is what is counted")]
        let task = tokio::spawn(std::future::pending::<()>());
        assert!(tasks(1), "{}", metrics.encode());
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        assert!(tasks(0), "{}", metrics.encode());
    }

    #[test]
    fn the_text_names_the_program() {
        let text = Metrics::new("user-service", "1.2.3").encode();
        assert!(text.contains(r#"ping_build_info{service="user-service",version="1.2.3"} 1"#), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
