//! Sends finished spans to a collector, in the background. What does not fit into the queue is dropped: a collector that
//! is away or slow costs traces, never a request.

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    resource::EnvResourceDetector,
    trace::{Sampler, SdkTracerProvider},
};
use service_kit::{
    telemetry::{self, LogFormat, SpanLayer},
    tls,
};
use tracing::Metadata;
use tracing_subscriber::{Layer as _, filter::filter_fn};

use crate::{args::TraceArgs, client::RuntimeClient, collector::Collector};

/// How long the last spans may take at the end of the process.
const FLUSH_DEADLINE: Duration = Duration::from_secs(2);

/// The field of spans that are exported.
const KIND: &str = "otel.kind";

/// The process, as traces name it.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its crates, as code names them. Spans of others are not exported.
    pub crates: &'static [&'static str],
}

/// How log lines look, and which there are.
#[derive(Debug)]
pub struct Lines {
    /// How they look.
    pub format: LogFormat,
    /// Which there are.
    pub filter: String,
}

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    #[error("OTEL_EXPORTER_OTLP_CERTIFICATE cannot be used")]
    Certificate(#[source] tls::CaError),
    /// The HTTP client.
    #[error("the HTTP client for traces cannot be built")]
    Client(#[source] reqwest::Error),
    /// Another `OTEL_` variable.
    #[error("the exporter of traces cannot be built: check the variables whose names begin with OTEL_")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
}

/// Starts logging, and the export of spans where a collector is set. Without one, or with settings that cannot be used,
/// logging starts alone.
pub fn init(lines: &Lines, program: Program, args: &TraceArgs) -> Result<Exporter, anyhow::Error> {
    match Exporter::start(program, args) {
        Ok(exporter) => {
            let layer = exporter.layer(program);
            telemetry::init_with(lines.format, &lines.filter, program.crates, layer)?;
            Ok(exporter)
        }
        Err(error) => {
            telemetry::init(lines.format, &lines.filter, program.crates)?;
            Err(error.into())
        }
    }
}

/// The export of spans, which may be off.
#[derive(Debug)]
#[must_use = "the last spans are only sent by `flush`"]
pub struct Exporter(Option<SdkTracerProvider>);

impl Exporter {
    fn start(program: Program, args: &TraceArgs) -> Result<Self, Error> {
        let Some(endpoint) = &args.otel_exporter_otlp_endpoint.0 else { return Ok(Self(None)) };
        let ca_file = args.otel_exporter_otlp_certificate.as_deref();
        let ca_file = ca_file.filter(|path| !path.as_os_str().is_empty());
        let tls = tls::client_config(ca_file).map_err(Error::Certificate)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(RuntimeClient::new(tls).map_err(Error::Client)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()
            .map_err(Error::Exporter)?;
        let sampled = Sampler::TraceIdRatioBased(args.otel_traces_sampler_arg);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(program, args))
            .with_sampler(Sampler::ParentBased(Box::new(sampled)))
            .with_batch_exporter(Collector::new(exporter))
            .build();
        Ok(Self(Some(provider)))
    }

    /// What makes spans out of those of the program's crates that have [`KIND`].
    fn layer(&self, program: Program) -> Option<SpanLayer> {
        let tracer = self.0.as_ref()?.tracer(program.name);
        let exported = move |metadata: &Metadata<'_>| {
            metadata.is_span()
                && metadata.fields().field(KIND).is_some()
                && program.crates.contains(&telemetry::crate_of(metadata.target()))
        };
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false);
        Some(layer.with_filter(filter_fn(exported)).boxed())
    }

    /// Sends what is left, for two seconds at most.
    pub async fn flush(self) {
        let Some(provider) = self.0 else { return };
        let flushed =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_DEADLINE)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("the collector did not take the last traces in time");
        }
    }
}

fn resource(program: Program, args: &TraceArgs) -> Resource {
    let name = args.otel_service_name.as_deref().filter(|name| !name.is_empty());
    Resource::builder_empty()
        .with_attribute(KeyValue::new("service.version", program.version))
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_service_name(name.unwrap_or(program.name).to_owned())
        .build()
}
