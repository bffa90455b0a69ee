//! The metrics registry of a process and its text form (`OpenMetrics` 1.0).

use std::sync::{Arc, Mutex, PoisonError};

pub use prometheus_client;
use prometheus_client::{
    encoding::text::encode,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry. Clones share it.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    /// A registry with `ping_build_info{service,version}`.
    #[must_use]
    pub fn new(service: &'static str, version: &'static str) -> Self {
        let mut registry = Registry::default();
        let build = Family::<[(&'static str, &'static str); 2], Gauge>::default();
        build.get_or_create(&[("service", service), ("version", version)]).set(1);
        registry.register("ping_build_info", "Which program and version this is; always 1", build);
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

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn the_text_names_the_program() {
        let text = Metrics::new("user-service", "1.2.3").encode();
        assert!(text.contains(r#"ping_build_info{service="user-service",version="1.2.3"} 1"#), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
