//! Why Redis cannot be used: one set of reasons for both services, which the operator turns into conditions.

/// What is wrong with Redis, or with the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedisTrouble {
    /// Its host name has no address.
    HostNotFound,
    /// No connection, or no answer on it within the deadline.
    Unreachable,
    /// The TLS handshake failed.
    TlsFailed,
    /// User or password were refused, or the user lacks a permission.
    AccessDenied,
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
    /// Every trouble.
    pub const ALL: [Self; 9] = [
        Self::HostNotFound,
        Self::Unreachable,
        Self::TlsFailed,
        Self::AccessDenied,
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
            Self::TlsFailed => "RedisTlsFailed",
            Self::AccessDenied => "RedisAccessDenied",
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
            Self::TlsFailed => {
                "The TLS handshake with Redis failed. Check that the port speaks TLS, that the certificate is valid for \
                 this host, and the CA file."
            }
            Self::AccessDenied => {
                "Redis refuses access. Check user and password, and the ACL rules of the user."
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
    fn every_trouble_has_its_own_reason_in_the_form_of_a_condition() {
        let reasons = RedisTrouble::ALL.map(RedisTrouble::reason);
        assert_eq!(reasons.into_iter().collect::<BTreeSet<_>>().len(), reasons.len());
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
