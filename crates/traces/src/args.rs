//! The settings, by the names that OpenTelemetry gives them.

use std::path::PathBuf;

use http::Uri;

/// Where spans go.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TraceArgs {
    /// OpenTelemetry collector that gets a trace of each sign-in, by OTLP as protobuf over HTTP, such as <http://collector:4318>; empty or not set = none are made
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = endpoint, default_value = "", hide_default_value = true)]
    pub otel_exporter_otlp_endpoint: Endpoint,
    /// PEM file with the CA of the collector's certificate; without it the public ones are trusted
    #[arg(long, env = "OTEL_EXPORTER_OTLP_CERTIFICATE")]
    pub otel_exporter_otlp_certificate: Option<PathBuf>,
    /// Share of traces that are exported, from 0 to 1; a trace that comes with a request keeps the decision of its sender
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value = "1", value_parser = ratio)]
    pub otel_traces_sampler_arg: f64,
    /// Name of this program in traces; its own name if it is empty or not set
    #[arg(long, env = "OTEL_SERVICE_NAME")]
    pub otel_service_name: Option<String>,
}

/// The collector's URL for traces, if one is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint(pub(crate) Option<String>);

/// Parses the collector's base URL, to which the specification appends the path of traces.
fn endpoint(text: &str) -> Result<Endpoint, &'static str> {
    const USE: &str = "use a URL such as http://collector:4318, without user and password";
    if text.is_empty() {
        return Ok(Endpoint(None));
    }
    let uri = text.parse::<Uri>().map_err(|_| USE)?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if !known || !plain || uri.query().is_some() {
        return Err(USE);
    }
    Ok(Endpoint(Some(format!("{}/v1/traces", text.trim_end_matches('/')))))
}

fn ratio(text: &str) -> Result<f64, &'static str> {
    let ratio = text.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or("use a number from 0 to 1, such as 0.1")
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, endpoint, ratio};

    #[test]
    fn the_path_of_traces_is_appended_and_empty_means_none() {
        let traces = Endpoint(Some("http://collector:4318/v1/traces".to_owned()));
        assert_eq!(endpoint("http://collector:4318"), Ok(traces.clone()));
        assert_eq!(endpoint("http://collector:4318/"), Ok(traces));
        let below = Endpoint(Some("https://example.org/otlp/v1/traces".to_owned()));
        assert_eq!(endpoint("https://example.org/otlp"), Ok(below));
        assert_eq!(endpoint(""), Ok(Endpoint(None)));
    }

    #[test]
    fn what_is_no_plain_url_is_refused() {
        for text in
            ["collector:4318", "grpc://collector:4317", "/v1", "http://", "http://a:b@c", "http://c?d"]
        {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_ratio_lies_between_0_and_1() {
        assert_eq!(ratio("0.25"), Ok(0.25));
        for text in ["", "-0.1", "1.1", "NaN", "all"] {
            assert!(ratio(text).is_err(), "{text}");
        }
    }
}
