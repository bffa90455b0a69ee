//! Logs: JSON where a machine reads them, compact on a terminal. Levels by who must act: `error` somebody now,
//! `warn` somebody today, `info` a change of state, `debug` the rest. Never personal data.

use std::{
    error::Error,
    fmt::Write as _,
    io::{self, IsTerminal as _},
    str::FromStr,
};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt::format::FmtSpan,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub mod log_subject;

use log_subject::WithSubject;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// [`LogFormat::Compact`] on a terminal, else [`LogFormat::Json`].
    #[default]
    Auto,
    /// One JSON object a line, fields flattened.
    Json,
    /// For people.
    Compact,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "compact" => Ok(Self::Compact),
            _ => Err("use auto, json or compact"),
        }
    }
}

/// A layer beside that of the log lines.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging to standard error. `filter` is a `tracing` directive list such as `info,amqp=debug`.
///
/// Only crates in `own` (their names in code) log at the level `trace`, whatever the filter says: at this level libraries log
/// what goes over the wire, secrets and personal data with it. Lines name no spans: what they are about is said by
/// [`log_subject::within`].
///
/// # Errors
/// The filter is not a directive list, or a subscriber is set already.
pub fn init(format: LogFormat, filter: &str, own: &'static [&'static str]) -> Result<(), anyhow::Error> {
    init_with(format, filter, own, None)
}

/// [`init`] with one layer more, which sees every span and event that its own filter lets through.
///
/// # Errors
/// As of [`init`].
pub fn init_with(
    format: LogFormat,
    filter: &str,
    own: &'static [&'static str],
    layer: Option<SpanLayer>,
) -> Result<(), anyhow::Error> {
    let filter = EnvFilter::try_new(filter)?.and(filter_fn(move |metadata| may_be_written(metadata, own)));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_span_events(FmtSpan::NONE);
    let json = format == LogFormat::Json || format == LogFormat::Auto && !io::stderr().is_terminal();
    let lines = if json {
        lines.json().flatten_event(true).map_event_format(WithSubject::in_json).boxed()
    } else {
        lines.compact().map_event_format(WithSubject::in_text).boxed()
    };
    let mut layers = vec![lines.with_filter(filter).boxed()];
    layers.extend(layer);
    tracing_subscriber::registry().with(layers).try_init()?;
    Ok(())
}

fn may_be_written(metadata: &Metadata<'_>, own: &[&str]) -> bool {
    metadata.is_event() && (*metadata.level() < Level::TRACE || own.contains(&crate_of(metadata.target())))
}

/// The crate of a target such as `amqp::publisher`.
#[must_use]
pub fn crate_of(target: &str) -> &str {
    target.split("::").next().unwrap_or(target)
}

/// The error and its sources in one line: `publish failed: connection closed: timed out`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        let _ = write!(line, ": {cause}");
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{LogFormat, chain};

    #[derive(Debug, thiserror::Error)]
    #[error("outer failed")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_chain_names_every_source_once() {
        let error = Outer(std::io::Error::other("inner failed"));
        assert_eq!(chain(&error), "outer failed: inner failed");
    }

    #[test]
    fn an_unknown_format_says_what_to_use() {
        assert_eq!("xml".parse::<LogFormat>(), Err("use auto, json or compact"));
    }
}
