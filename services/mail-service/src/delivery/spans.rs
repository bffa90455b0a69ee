//! What traces and log lines tell of one delivery: the event, never the recipient or what the mail says.

use ping_contract::{event::EventId, topology::MAIL_QUEUE};
use service_kit::telemetry::log_subject::{Subject, within};
use traces::TraceParent;
use tracing::{Instrument as _, Span, field::Empty};

use super::{handler::Facts, outcome::Outcome};
use crate::{queue::Received, smtp::Failure};

/// The span of one delivery, and the field of its log lines. Clones are the same span.
#[derive(Debug, Clone)]
pub(super) struct DeliverySpan {
    span: Span,
    /// The event's id, where the message names one.
    event: Option<EventId>,
}

impl DeliverySpan {
    /// As children of the publisher's span, where the message names one.
    pub(super) fn new(received: &Received<'_>) -> Self {
        let event = received.message_id.and_then(|id| id.parse::<EventId>().ok());
        let span = tracing::debug_span!(
            "delivery",
            otel.kind = "consumer",
            otel.name = "process send-otp",
            otel.status_code = Empty,
            error.type = Empty,
            messaging.system = "rabbitmq",
            messaging.operation.name = "process",
            messaging.operation.type = "process",
            messaging.destination.name = MAIL_QUEUE,
            messaging.message.id = event.as_ref().map(EventId::as_str),
            ping.attempt = received.attempt,
            ping.outcome = Empty,
        );
        traces::follow(&span, received.trace_parent);
        Self { span, event }
    }

    pub(super) fn cover<F: Future>(self, delivery: F) -> impl Future<Output = F::Output> {
        let subject = Subject::new("event", self.event.as_ref().map(EventId::to_string));
        within(subject, delivery.instrument(self.span))
    }

    pub(super) fn record(&self, outcome: Outcome, facts: &Facts) {
        if self.event.is_none() {
            self.span.record("messaging.message.id", facts.root.as_str());
        }
        self.span.record("ping.outcome", outcome.label());
        if let Some(reason) = outcome.reason() {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", reason);
        }
    }
}

/// The trace of a copy of the message: the publisher's, or this delivery's where the message came without one.
pub(super) fn trace_parent(received: &Received<'_>) -> Option<TraceParent> {
    received.trace_parent.or_else(|| traces::trace_parent_of(&Span::current()))
}

/// The span of the dialogue with the mail server, up to its reply to the message.
pub(super) fn smtp_span() -> Span {
    tracing::debug_span!(
        "smtp",
        otel.kind = "client",
        otel.name = "SMTP",
        otel.status_code = Empty,
        error.type = Empty,
        network.protocol.name = "smtp",
        smtp.response.status_code = Empty,
    )
}

/// A mail counts as sent once the server has replied 250 to the final dot.
pub(super) fn record_smtp(span: &Span, sent: Result<(), Failure>) {
    const ACCEPTED: u16 = 250;
    let Err(failure) = sent else {
        span.record("smtp.response.status_code", ACCEPTED);
        return;
    };
    span.record("otel.status_code", "ERROR");
    span.record("error.type", Outcome::from(failure).reason());
    span.record("smtp.response.status_code", failure.reply().map(|reply| reply.code));
}
