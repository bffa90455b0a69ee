//! Why the directory cannot be used, for 503s in the log and for statuses.

use mongodb::error::{Error, ErrorKind};

/// What is wrong with MongoDB, with its content, or with the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DirectoryTrouble {
    /// The DNS record of a `mongodb+srv` URI was not found.
    HostNotFound,
    /// No connection, or no answer on it within the deadline. The driver does not tell this from a host name without
    /// an address or a refused certificate.
    Unreachable,
    /// The TLS options of the URI cannot be used.
    TlsFailed,
    /// User or password were refused, or the user lacks a permission.
    AccessDenied,
    /// It refused a command.
    Refused,
    /// The driver failed.
    DriverFailed,
    /// Two documents have the same address, so that there can be no unique index.
    AddressTwice,
    /// There is an index on addresses that is not unique.
    IndexNotUnique,
    /// Two databases hold users, and no setting says which to use.
    TwoDatabases,
}

/// The server's codes for a login or a command that is not allowed.
const ACCESS_DENIED: [i32; 2] = [13, 18];

impl DirectoryTrouble {
    /// Every trouble.
    pub const ALL: [Self; 9] = [
        Self::HostNotFound,
        Self::Unreachable,
        Self::TlsFailed,
        Self::AccessDenied,
        Self::Refused,
        Self::DriverFailed,
        Self::AddressTwice,
        Self::IndexNotUnique,
        Self::TwoDatabases,
    ];

    /// A condition's reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::HostNotFound => "DirectoryHostNotFound",
            Self::Unreachable => "DirectoryUnreachable",
            Self::TlsFailed => "DirectoryTlsFailed",
            Self::AccessDenied => "DirectoryAccessDenied",
            Self::Refused => "DirectoryRefused",
            Self::DriverFailed => "DirectoryDriverFailed",
            Self::AddressTwice => "DirectoryAddressTwice",
            Self::IndexNotUnique => "DirectoryIndexNotUnique",
            Self::TwoDatabases => "DirectoryTwoDatabases",
        }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::HostNotFound => "The host name of MongoDB was not found in DNS. Check MONGO_URI.",
            Self::Unreachable => {
                "MongoDB does not answer. Check that it runs, hosts, ports and TLS options in MONGO_URI, and what the \
                 network allows."
            }
            Self::TlsFailed => "The TLS options of MongoDB cannot be used. Check MONGO_URI.",
            Self::AccessDenied => {
                "MongoDB refuses access. Check user and password in MONGO_URI, and that the user may read and write the \
                 collection users."
            }
            Self::Refused => "MongoDB refuses a command. Its log says why.",
            Self::DriverFailed => "The driver of MongoDB failed. Check MONGO_URI and the log of MongoDB.",
            Self::AddressTwice => {
                "The collection users has one address twice. Remove one of the documents (docs/migrate.md says how to \
                 find them)."
            }
            Self::IndexNotUnique => {
                "The collection users has an index email_1 that is not unique. Drop it; a unique one is created at once."
            }
            Self::TwoDatabases => {
                "The database user-service and the one that MONGO_URI names both hold users. Set MONGO_DATABASE to the \
                 one to use (docs/migrate.md says how to choose)."
            }
        }
    }
}

impl From<&Error> for DirectoryTrouble {
    /// By the kind alone: the driver's own words may hold the URI or an address.
    fn from(error: &Error) -> Self {
        match &*error.kind {
            ErrorKind::Authentication { .. } => Self::AccessDenied,
            ErrorKind::DnsResolve { .. } => Self::HostNotFound,
            ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. } => Self::Unreachable,
            ErrorKind::Command(command) if ACCESS_DENIED.contains(&command.code) => Self::AccessDenied,
            ErrorKind::Command(_) | ErrorKind::Write(_) => Self::Refused,
            ErrorKind::InvalidTlsConfig { .. } => Self::TlsFailed,
            _ => Self::DriverFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::DirectoryTrouble;

    #[test]
    fn every_trouble_has_its_own_reason_in_the_form_of_a_condition() {
        let reasons = DirectoryTrouble::ALL.map(DirectoryTrouble::reason);
        assert_eq!(reasons.into_iter().collect::<BTreeSet<_>>().len(), reasons.len());
        for reason in reasons {
            assert!(reason.starts_with("Directory"), "{reason}");
            assert!(reason.len() <= 64 && reason.bytes().all(|b| b.is_ascii_alphabetic()), "{reason}");
        }
    }
}
