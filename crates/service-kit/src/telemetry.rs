//! Logs: JSON where a machine reads them, compact on a terminal. Levels by who must act: `error` somebody now,
//! `warn` somebody today, `info` a change of state, `debug` the rest. Never personal data.

use std::{
    error::Error,
    fmt::Write as _,
    io::{self, IsTerminal as _},
    str::FromStr,
};

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, filter_fn},
    fmt::format::FmtSpan,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

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

/// Starts logging to standard error. `filter` is a `tracing` directive list such as `info,amqp=debug`.
///
/// Only crates in `own` (their names in code) log at the level `trace`, whatever the filter says: at this level libraries log
/// what goes over the wire, secrets and personal data with it.
///
/// # Errors
/// The filter is not a directive list, or a subscriber is set already.
pub fn init(format: LogFormat, filter: &str, own: &'static [&'static str]) -> Result<(), anyhow::Error> {
    let filter = EnvFilter::try_new(filter)?.and(filter_fn(move |metadata| {
        *metadata.level() < Level::TRACE || own.contains(&crate_of(metadata.target()))
    }));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_span_events(FmtSpan::NONE);
    let json = format == LogFormat::Json || format == LogFormat::Auto && !io::stderr().is_terminal();
    let lines = if json { lines.json().flatten_event(true).boxed() } else { lines.compact().boxed() };
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init()?;
    Ok(())
}

/// The crate of a target such as `amqp::publisher`.
fn crate_of(target: &str) -> &str {
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
