//! Why the broker cannot be used now, as a status shows it.

use service_kit::{health::HealthCheck, shutdown::Shutdown};
use tokio::sync::watch;

/// What is wrong with the broker, or with the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No dial has ended yet.
    Starting,
    /// Its host name has no address.
    HostNotFound,
    /// No connection, or no answer on it within the deadline.
    Unreachable,
    /// The TLS handshake failed.
    TlsFailed,
    /// User, password, vhost or a permission was refused.
    AccessDenied,
    /// An exchange or a queue does not exist.
    Missing,
    /// A memory or disk alarm: the broker takes no messages.
    Alarm,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::HostNotFound,
        Self::Unreachable,
        Self::TlsFailed,
        Self::AccessDenied,
        Self::Missing,
        Self::Alarm,
    ];

    /// A condition's reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::HostNotFound => "RabbitMqHostNotFound",
            Self::Unreachable => "RabbitMqUnreachable",
            Self::TlsFailed => "RabbitMqTlsFailed",
            Self::AccessDenied => "RabbitMqAccessDenied",
            Self::Missing => "QueueMissing",
            Self::Alarm => "RabbitMqBlocked",
        }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Starting => "The first connection to RabbitMQ is being established.",
            Self::HostNotFound => {
                "The host name of RabbitMQ has no address. Check its spelling, and that its Service exists."
            }
            Self::Unreachable => {
                "RabbitMQ does not answer. Check that it runs, its host and port, and what the network allows."
            }
            Self::TlsFailed => {
                "The TLS handshake with RabbitMQ failed. Check that the port speaks TLS, that the certificate is valid \
                 for this host, and the CA file."
            }
            Self::AccessDenied => {
                "RabbitMQ refuses access. Check user, password and vhost, and the user's permissions on the vhost."
            }
            Self::Missing => {
                "The exchange or the queue for mails does not exist in RabbitMQ. The operator creates them; without an \
                 operator, run ping-topology."
            }
            Self::Alarm => {
                "RabbitMQ takes no messages because of a memory or disk alarm. Give it more memory or disk space."
            }
        }
    }
}

/// Keeps `check` as `state` is, until the soft phase.
pub(crate) fn report<S>(
    mut state: watch::Receiver<S>,
    cause: impl Fn(S) -> Option<Cause> + Send + 'static,
    check: HealthCheck,
    shutdown: &Shutdown,
) where
    S: Copy + Send + Sync + 'static,
{
    let soft = shutdown.soft().clone();
    shutdown.spawn("broker status", async move {
        loop {
            let now = *state.borrow_and_update();
            match cause(now) {
                None => check.set_usable(),
                Some(cause) => check.set_unusable(cause.reason(), cause.message()),
            }
            tokio::select! {
                changed = state.changed() => if changed.is_err() { return },
                () = soft.cancelled() => return,
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Cause;

    #[test]
    fn every_cause_has_its_own_reason_in_the_form_of_a_condition() {
        let reasons = Cause::ALL.map(Cause::reason);
        assert_eq!(reasons.into_iter().collect::<BTreeSet<_>>().len(), reasons.len());
        for reason in reasons {
            assert!(reason.starts_with(|c: char| c.is_ascii_uppercase()), "{reason}");
            assert!(reason.len() <= 64 && reason.bytes().all(|b| b.is_ascii_alphabetic()), "{reason}");
        }
    }
}
