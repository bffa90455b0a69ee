//! An exporter that reports when the collector stops and starts taking spans: once for each change, not for each batch.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

#[derive(Debug)]
pub(crate) struct Collector<E> {
    exporter: E,
    failing: AtomicBool,
}

impl<E> Collector<E> {
    pub(crate) const fn new(exporter: E) -> Self {
        Self { exporter, failing: AtomicBool::new(false) }
    }
}

impl<E: SpanExporter> SpanExporter for Collector<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        if self.failing.swap(exported.is_err(), Ordering::Relaxed) != exported.is_err() {
            if exported.is_ok() {
                tracing::info!("the collector takes traces again");
            } else {
                tracing::warn!(
                    "the collector does not take traces, which are dropped: check OTEL_EXPORTER_OTLP_ENDPOINT"
                );
            }
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
