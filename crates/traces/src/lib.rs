//! Traces across the services: who called, and where finished spans go.
//!
//! In reading order:
//! - [`TraceParent`]: the W3C header that joins the spans of two processes.
//! - [`follow`], [`trace_parent_of`]: from a header to a span and back.
//! - [`TraceArgs`]: the settings.
//! - [`Exporter`]: sends spans to an OpenTelemetry collector, and never holds up what they describe.
//!
//! A span is exported if it has the field `otel.kind`, at the level `debug`: without an exporter such a span costs a
//! comparison. Events are never exported, nor are spans of libraries: a trace holds what the few span macros of the
//! services name, and no personal data.

mod args;
mod client;
mod collector;
mod exporter;
mod trace_parent;

pub use args::TraceArgs;
pub use exporter::{Error, Exporter, Lines, Program, init};
pub use trace_parent::{TRACE_PARENT, TraceParent, follow, trace_parent_of};
