//! What a failed dial, or a refusal of the broker, means.

use lapin::{
    ErrorKind,
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
};
use ping_contract::tls_trouble::TlsTrouble;
use service_kit::{dial_failure::DialFailure, tls::speaks_tls};

use super::ConnectError;
use crate::config::BrokerConfig;

/// What a failed dial means. A port that speaks TLS only hangs up on a client in clear: whether it does is asked then.
pub(super) async fn explain_dial(error: lapin::Error, config: &BrokerConfig) -> ConnectError {
    match explain(error, &config.vhost) {
        ConnectError::Other(error)
            if config.tls.is_none() && !is_silent(&error) && speaks_tls(&config.host, config.port).await =>
        {
            ConnectError::Tls(TlsTrouble::TlsPort, error)
        }
        other => other,
    }
}

/// Nothing listens, or nothing answers, so there is nothing to ask.
fn is_silent(error: &lapin::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, TimedOut};
    matches!(error.kind(), ErrorKind::IOError(source) if matches!(source.kind(), ConnectionRefused | TimedOut))
}

/// The broker's words are the only thing that tells a limit from a permission: both are `NOT_ALLOWED`.
fn limit(said: &str) -> Option<ConnectError> {
    if !said.contains("limit") {
        return None;
    }
    Some(if said.contains("channel") { ConnectError::ChannelLimit } else { ConnectError::ConnectionLimit })
}

/// Why the broker does not let us consume from `queue`.
pub(crate) fn explain_subscription(error: lapin::Error, queue: &str) -> ConnectError {
    match explain(error, queue) {
        ConnectError::Login => ConnectError::Permission(queue.to_owned()),
        other => other,
    }
}

/// What a failed dial, or the broker's refusal of `subject`, means.
pub(super) fn explain(error: lapin::Error, subject: &str) -> ConnectError {
    let refusal = match error.kind() {
        ErrorKind::ProtocolError(refusal) => refusal,
        ErrorKind::IOError(source) => match DialFailure::from(&**source) {
            DialFailure::HostNotFound => return ConnectError::HostNotFound(error),
            DialFailure::Tls(trouble) => return ConnectError::Tls(trouble, error),
            DialFailure::NoConnection => return ConnectError::Other(error),
        },
        ErrorKind::ChannelsLimitReached => return ConnectError::ChannelLimit,
        _ => return ConnectError::Other(error),
    };
    if let Some(limit) = limit(refusal.get_message().as_str()) {
        return limit;
    }
    match refusal.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => ConnectError::Missing(subject.to_owned()),
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => ConnectError::Login,
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => ConnectError::Vhost(subject.to_owned()),
        _ => ConnectError::Other(error),
    }
}
