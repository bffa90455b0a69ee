//! `spec.monitoring.tracing`: what both services read of it, and the port that they reach.

use pingstack_crd::Tracing;
use serde_json::Value;

use super::{Context, pod};

fn of<'a>(context: &Context<'a>) -> Option<&'a Tracing> {
    context.stack.spec.monitoring.tracing.as_ref()
}

/// Environment variables by the names that OpenTelemetry gives them.
pub(super) fn env(context: &Context<'_>) -> Vec<Value> {
    let Some(tracing) = of(context) else { return Vec::new() };
    let id = &context.stack.id;
    vec![
        pod::env("OTEL_EXPORTER_OTLP_ENDPOINT", &tracing.endpoint),
        pod::env("OTEL_TRACES_SAMPLER_ARG", &tracing.sampling_ratio),
        pod::env(
            "OTEL_RESOURCE_ATTRIBUTES",
            format!("service.namespace={},k8s.namespace.name={}", id.name, id.namespace),
        ),
    ]
}

/// The collector's port: the URL's own, or that of its scheme.
pub(super) fn collector_port(context: &Context<'_>) -> Option<u16> {
    of(context).map(|tracing| port(&tracing.endpoint))
}

fn port(endpoint: &str) -> u16 {
    let (scheme, rest) = endpoint.split_once("://").unwrap_or(("http", endpoint));
    let authority = rest.split('/').next().unwrap_or(rest);
    // The schema admits a port only behind the last colon, and a colon within brackets only before the bracket's end.
    let own = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    own.unwrap_or(if scheme == "https" { 443 } else { 80 })
}

#[cfg(test)]
mod tests {
    use super::port;

    #[test]
    fn the_port_is_that_of_the_url_or_of_its_scheme() {
        assert_eq!(port("http://otel-collector.monitoring.svc:4318"), 4318);
        assert_eq!(port("http://[fd00::1]:4318/otlp"), 4318);
        assert_eq!(port("http://[fd00::1]"), 80);
        assert_eq!(port("https://[fd00::4318]/otlp"), 443);
        assert_eq!(port("https://otlp.example.org/path"), 443);
        assert_eq!(port("http://collector"), 80);
    }
}
