//! Why a command failed, and why Redis cannot be used: the meaning of redis-rs' errors.

use ping_contract::redis_trouble::RedisTrouble;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use service_kit::dial_failure::DialFailure;

/// Redis gave no usable reply. Never holds Redis' own words, which may quote a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("not connected to redis")]
    NotConnected,
    #[error("redis did not answer within 500 ms")]
    TimedOut,
    #[error("the connection to redis broke")]
    ConnectionLost,
    /// An error reply, by its code: `OOM`, `LOADING`, `READONLY`, `MISCONF`, `NOPERM`.
    #[error("redis refused with {0}")]
    Refused(String),
    /// A reply in another form than the command or script gives.
    #[error("redis answered in an unexpected form")]
    Answer,
}

impl StoreError {
    /// The reason that a status shows.
    #[must_use]
    pub fn trouble(&self) -> RedisTrouble {
        match self {
            Self::NotConnected | Self::TimedOut | Self::ConnectionLost => RedisTrouble::Unreachable,
            Self::Refused(code) => RedisTrouble::from_code(code),
            Self::Answer => RedisTrouble::Refused,
        }
    }
}

impl From<&RedisError> for StoreError {
    fn from(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => Self::TimedOut,
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::Refused("READONLY".to_owned()),
            ErrorKind::Server(_) | ErrorKind::Extension => {
                let word = |b: u8| b.is_ascii_uppercase() || b == b'_';
                let code = error.code().filter(|code| code.bytes().all(word));
                Self::Refused(code.unwrap_or("ERR").to_owned())
            }
            ErrorKind::UnexpectedReturnType => Self::Answer,
            // The rest is about the connection: broken, not parseable, not authenticated.
            _ => Self::ConnectionLost,
        }
    }
}

/// What the error of a connection attempt says about Redis.
pub(crate) fn dial_trouble(error: &RedisError) -> RedisTrouble {
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) => RedisTrouble::AccessDenied,
        // Of all that a dial asks, redis-rs keeps only the words of a refused SELECT.
        (ErrorKind::Server(ServerErrorKind::ResponseError), _) => {
            refused_database(error.detail().unwrap_or_default())
        }
        (_, Some(code)) => RedisTrouble::from_code(code),
        (_, None) => match DialFailure::of(error) {
            DialFailure::HostNotFound => RedisTrouble::HostNotFound,
            DialFailure::Tls(trouble) => RedisTrouble::TlsFailed(trouble),
            DialFailure::NoConnection => RedisTrouble::Unreachable,
        },
    }
}

/// What the answer to SELECT says.
fn refused_database(said: &str) -> RedisTrouble {
    if said.contains("Authentication") || said.contains("permission") {
        return RedisTrouble::AccessDenied;
    }
    // "DB index is out of range", "invalid DB index", "SELECT is not allowed in cluster mode".
    let about_it = ["DB index", "SELECT", "select"].iter().any(|word| said.contains(word));
    if about_it { RedisTrouble::WrongDatabase } else { RedisTrouble::Refused }
}

#[cfg(test)]
mod tests {
    use std::io;

    use ping_contract::redis_trouble::RedisTrouble;
    use redis::{ErrorKind, RedisError};

    use super::{StoreError, dial_trouble};

    #[test]
    fn errors_keep_the_code_and_never_the_words() {
        let timed_out = RedisError::from(io::Error::from(io::ErrorKind::TimedOut));
        assert_eq!(StoreError::from(&timed_out), StoreError::TimedOut);
        let broken = RedisError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(StoreError::from(&broken), StoreError::ConnectionLost);
        let oom =
            redis::make_extension_error("OOM".to_owned(), Some("command not allowed: otp:ada@x.org".into()));
        assert_eq!(StoreError::from(&oom), StoreError::Refused("OOM".to_owned()));
        let odd = redis::make_extension_error("ada@example.org".to_owned(), None);
        assert_eq!(StoreError::from(&odd), StoreError::Refused("ERR".to_owned()));
        let shape = RedisError::from((ErrorKind::UnexpectedReturnType, "otp:ada@example.org"));
        assert!(!StoreError::from(&shape).to_string().contains("ada"));
    }

    #[test]
    fn a_refused_login_and_a_lost_connection_are_told_by_their_kind() {
        let login = RedisError::from((ErrorKind::AuthenticationFailed, "no"));
        assert_eq!(dial_trouble(&login), RedisTrouble::AccessDenied);
        let lost = RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(dial_trouble(&lost), RedisTrouble::Unreachable);
    }

    #[test]
    fn a_refused_database_is_told_from_a_missing_password() {
        for (said, expected) in [
            ("DB index is out of range", RedisTrouble::WrongDatabase),
            ("invalid DB index", RedisTrouble::WrongDatabase),
            ("SELECT is not allowed in cluster mode", RedisTrouble::WrongDatabase),
            ("Authentication required.", RedisTrouble::AccessDenied),
            ("User ping has no permissions to run the 'select' command", RedisTrouble::AccessDenied),
            ("something else", RedisTrouble::Refused),
        ] {
            let kind = ErrorKind::Server(redis::ServerErrorKind::ResponseError);
            let error = RedisError::from((kind, "refused to switch database", said.to_owned()));
            assert_eq!(dial_trouble(&error), expected, "{said}");
        }
    }

    #[test]
    fn an_error_reply_is_told_by_its_first_word() {
        for (code, expected) in [
            ("OOM", RedisTrouble::Full),
            ("NOPERM", RedisTrouble::AccessDenied),
            ("WHATEVER", RedisTrouble::Refused),
        ] {
            let reply = redis::make_extension_error(code.to_owned(), None);
            assert_eq!(dial_trouble(&reply), expected, "{code}");
            assert_eq!(StoreError::from(&reply).trouble(), expected, "{code}");
        }
    }
}
