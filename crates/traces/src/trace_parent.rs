//! `traceparent` (W3C Trace Context, level 1): the trace that a request or a message belongs to.

use std::fmt;

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header's name, in HTTP and in AMQP.
pub const TRACE_PARENT: &str = "traceparent";

/// The length of a header of version 00; later versions may append to it after another hyphen.
const LENGTH: usize = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".len();

/// The span that a request or a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: TraceId,
    span: SpanId,
    flags: TraceFlags,
}

impl TraceParent {
    /// Parses a header. `None` for anything that the specification says to ignore.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (known, rest) = header.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let well_formed = [(version, 2), (trace, 32), (span, 16), (flags, 2)]
            .into_iter()
            .all(|(part, length)| part.len() == length && part.bytes().all(is_lower_hex));
        let version_is_known = match version {
            "00" => rest.is_empty(),
            "ff" => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        if !well_formed || !version_is_known || parts.next().is_some() {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let parent = Self {
            trace: TraceId::from_hex(trace).ok()?,
            span: SpanId::from_hex(span).ok()?,
            flags: TraceFlags::new(flags) & TraceFlags::SAMPLED,
        };
        (parent.trace != TraceId::INVALID && parent.span != SpanId::INVALID).then_some(parent)
    }

    fn context(self) -> Context {
        let span = SpanContext::new(self.trace, self.span, self.flags, true, TraceState::NONE);
        Context::new().with_remote_span_context(span)
    }
}

/// The header as it is sent on.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, self.flags.to_u8())
    }
}

/// Makes `span` a child of the span that the header names. Call it before the span is entered.
pub fn follow(span: &Span, parent: Option<TraceParent>) {
    if let Some(parent) = parent {
        // An error only says that the span is not exported.
        let _ = span.set_parent(parent.context());
    }
}

/// The header that makes others children of `span`. `None` while nothing is exported.
#[must_use]
pub fn trace_parent_of(span: &Span) -> Option<TraceParent> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| TraceParent {
        trace: span.trace_id(),
        span: span.span_id(),
        flags: span.trace_flags() & TraceFlags::SAMPLED,
    })
}

const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::TraceParent;

    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_sent_on_as_it_came() {
        assert_eq!(TraceParent::parse(EXAMPLE).unwrap().to_string(), EXAMPLE);
        let not_sampled = EXAMPLE.replace("-01", "-00");
        assert_eq!(TraceParent::parse(&not_sampled).unwrap().to_string(), not_sampled);
    }

    #[test]
    fn of_a_later_version_the_known_part_is_read() {
        for later in ["-01", "-01-more", "-03"] {
            let header = EXAMPLE.replacen("00", "cc", 1).replace("-01", later);
            assert_eq!(TraceParent::parse(&header).unwrap().to_string(), EXAMPLE, "{header}");
        }
    }

    #[test]
    fn a_malformed_header_is_ignored() {
        let malformed = [
            String::new(),
            "00".to_owned(),
            EXAMPLE.to_uppercase(),
            EXAMPLE.replacen("00", "ff", 1),
            EXAMPLE.replacen("00", "0x", 1),
            EXAMPLE.replace('-', "_"),
            EXAMPLE.replace("-01", "-0g"),
            format!("{EXAMPLE}-more"),
            format!("{EXAMPLE} "),
            format!(" {EXAMPLE}"),
            format!("cc{}more", &EXAMPLE[2..]),
            EXAMPLE.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            EXAMPLE.replace("b7ad6b7169203331", &"0".repeat(16)),
            EXAMPLE.replace("b7ad6b7169203331", "b7ad6b71692033é"),
            "ada@example.org".repeat(4),
        ];
        for header in malformed {
            assert_eq!(TraceParent::parse(&header), None, "{header:?}");
        }
    }
}
