//! Why the broker cannot be used now, as a status shows it.

use ping_contract::tls_trouble::TlsTrouble;
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
    /// The connection cannot be encrypted, or must be.
    TlsFailed(TlsTrouble),
    /// User, password, vhost or a permission was refused.
    AccessDenied,
    /// The broker allows no further connection or channel.
    LimitReached,
    /// An exchange or a queue does not exist.
    Missing,
    /// A memory or disk alarm: the broker takes no messages.
    Alarm,
}

impl Cause {
    pub const ALL: [Self; 13] = [
        Self::Starting,
        Self::HostNotFound,
        Self::Unreachable,
        Self::TlsFailed(TlsTrouble::WrongName),
        Self::TlsFailed(TlsTrouble::UnknownCa),
        Self::TlsFailed(TlsTrouble::Expired),
        Self::TlsFailed(TlsTrouble::PlainPort),
        Self::TlsFailed(TlsTrouble::TlsPort),
        Self::TlsFailed(TlsTrouble::Handshake),
        Self::AccessDenied,
        Self::LimitReached,
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
            Self::TlsFailed(_) => "RabbitMqTlsFailed",
            Self::AccessDenied => "RabbitMqAccessDenied",
            Self::LimitReached => "RabbitMqLimitReached",
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
            Self::TlsFailed(trouble) => trouble.of_rabbitmq(),
            Self::AccessDenied => {
                "RabbitMQ refuses access. Check user, password and vhost, and the user's permissions on the vhost."
            }
            Self::LimitReached => {
                "RabbitMQ allows this user or vhost no further connections or channels. Raise the limits of the user, of \
                 the vhost and channel_max, or run fewer pods."
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
    fn every_cause_has_its_own_sentence_and_a_reason_in_the_form_of_a_condition() {
        let messages = Cause::ALL.map(Cause::message);
        assert_eq!(messages.into_iter().collect::<BTreeSet<_>>().len(), messages.len());
        let reasons = Cause::ALL.map(Cause::reason);
        assert_eq!(reasons.into_iter().collect::<BTreeSet<_>>().len(), 8, "one for all troubles of TLS");
        for reason in reasons {
            assert!(reason.starts_with(|c: char| c.is_ascii_uppercase()), "{reason}");
            assert!(reason.len() <= 64 && reason.bytes().all(|b| b.is_ascii_alphabetic()), "{reason}");
        }
    }
}
