//! Why Redis cannot be used: one set of reasons for both services, which the operator turns into conditions.

use crate::tls_trouble::TlsTrouble;

/// What is wrong with Redis, or with the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedisTrouble {
    /// Its host name has no address.
    HostNotFound,
    /// No connection, or no answer on it within the deadline.
    Unreachable,
    /// The connection cannot be encrypted, or must be.
    TlsFailed(TlsTrouble),
    /// User or password were refused, or the user lacks a permission.
    AccessDenied,
    /// It has no database of this number.
    WrongDatabase,
    /// It lacks a command, or a feature of its scripts.
    Unsupported,
    /// It reads its data from disk, as it does after a restart.
    Loading,
    /// It has reached `maxmemory`.
    Full,
    /// It is a replica.
    ReadOnly,
    /// It cannot write to its disk, and therefore takes no writes.
    DiskFailed,
    /// Any other error answer.
    Refused,
}

impl RedisTrouble {
    pub const ALL: [Self; 16] = [
        Self::HostNotFound,
        Self::Unreachable,
        Self::TlsFailed(TlsTrouble::WrongName),
        Self::TlsFailed(TlsTrouble::UnknownCa),
        Self::TlsFailed(TlsTrouble::Expired),
        Self::TlsFailed(TlsTrouble::PlainPort),
        Self::TlsFailed(TlsTrouble::TlsPort),
        Self::TlsFailed(TlsTrouble::Handshake),
        Self::AccessDenied,
        Self::WrongDatabase,
        Self::Unsupported,
        Self::Loading,
        Self::Full,
        Self::ReadOnly,
        Self::DiskFailed,
        Self::Refused,
    ];

    /// From the first word of an error answer, such as `OOM`.
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        match code {
            "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => Self::AccessDenied,
            "LOADING" => Self::Loading,
            "OOM" => Self::Full,
            "READONLY" => Self::ReadOnly,
            "MISCONF" => Self::DiskFailed,
            _ => Self::Refused,
        }
    }

    /// A condition's reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::HostNotFound => "RedisHostNotFound",
            Self::Unreachable => "RedisUnreachable",
            Self::TlsFailed(_) => "RedisTlsFailed",
            Self::AccessDenied => "RedisAccessDenied",
            Self::WrongDatabase => "RedisWrongDatabase",
            Self::Unsupported => "RedisUnsupported",
            Self::Loading => "RedisLoading",
            Self::Full => "RedisFull",
            Self::ReadOnly => "RedisReadOnly",
            Self::DiskFailed => "RedisDiskFailed",
            Self::Refused => "RedisRefused",
        }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::HostNotFound => {
                "The host name of Redis has no address. Check its spelling, and that its Service exists."
            }
            Self::Unreachable => {
                "Redis does not answer. Check that it runs, its host and port, and what the network allows."
            }
            Self::TlsFailed(trouble) => trouble.of_redis(),
            Self::AccessDenied => {
                "Redis refuses access. Check user and password, and the ACL rules of the user."
            }
            Self::WrongDatabase => {
                "Redis has no database of the number in REDIS_URL. Use a lower number, or raise `databases`; a Redis \
                 Cluster has database 0 only, and Ping needs a single Redis."
            }
            Self::Unsupported => {
                "Redis lacks a command that Ping needs, or cannot run its scripts. Use Redis 7.2 or later, or Valkey, and take \
                 back renamed commands."
            }
            Self::Loading => "Redis is loading its data from disk. It answers when it has finished.",
            Self::Full => {
                "Redis has reached its memory limit and takes no writes. Give it more memory or raise maxmemory."
            }
            Self::ReadOnly => {
                "Redis is a read-only replica. Point the connection at the primary, or promote this server."
            }
            Self::DiskFailed => {
                "Redis cannot write to its disk and takes no writes. Check the free space and the health of its volume."
            }
            Self::Refused => "Redis answers with an error. Its log and the log of this service say which.",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::RedisTrouble;

    #[test]
    fn every_trouble_has_its_own_sentence_and_a_reason_in_the_form_of_a_condition() {
        let messages = RedisTrouble::ALL.map(RedisTrouble::message);
        assert_eq!(messages.into_iter().collect::<BTreeSet<_>>().len(), messages.len());
        let reasons = RedisTrouble::ALL.map(RedisTrouble::reason);
        assert_eq!(reasons.into_iter().collect::<BTreeSet<_>>().len(), 11, "one for all troubles of TLS");
        for reason in reasons {
            assert!(reason.starts_with("Redis"), "{reason}");
            assert!(reason.len() <= 64 && reason.bytes().all(|b| b.is_ascii_alphabetic()), "{reason}");
        }
    }

    #[test]
    fn the_codes_of_redis_are_told_apart() {
        for (code, trouble) in [
            ("WRONGPASS", RedisTrouble::AccessDenied),
            ("NOPERM", RedisTrouble::AccessDenied),
            ("OOM", RedisTrouble::Full),
            ("READONLY", RedisTrouble::ReadOnly),
            ("MISCONF", RedisTrouble::DiskFailed),
            ("LOADING", RedisTrouble::Loading),
            ("BUSY", RedisTrouble::Refused),
        ] {
            assert_eq!(RedisTrouble::from_code(code), trouble, "{code}");
        }
    }
}
