//! `spec.monitoring.syntheticLogin`: where mail-service hands the mails of synthetic sign-ins over.

use serde_json::Value;

use super::{Context, pod};
use crate::platform::SinkAddress;

/// The operator's sink, where the stack wants synthetic sign-ins.
pub(super) fn sink<'a>(context: &Context<'a>) -> Option<&'a SinkAddress> {
    let platform = context.platform;
    context.stack.spec.monitoring.synthetic_login.as_ref().map(|_| &platform.sign_in_sink)
}

/// What mail-service reads of it.
pub(super) fn env(context: &Context<'_>) -> Option<Value> {
    sink(context).map(|SinkAddress { host, port }| pod::env("SYNTHETIC_SINK", format!("{host}:{port}")))
}
