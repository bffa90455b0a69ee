//! What both services need to use Redis. So far this is the meaning of its errors; the supervised connection of user-service
//! is to follow.

use ping_contract::redis_trouble::RedisTrouble;
use redis::{ErrorKind, RedisError};
use service_kit::dial_failure::DialFailure;

/// What an error of a connection attempt or of a command says about Redis.
#[must_use]
pub fn trouble(error: &RedisError) -> RedisTrouble {
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) => RedisTrouble::AccessDenied,
        (_, Some(code)) => RedisTrouble::from_code(code),
        (_, None) => match DialFailure::of(error) {
            DialFailure::HostNotFound => RedisTrouble::HostNotFound,
            DialFailure::Tls => RedisTrouble::TlsFailed,
            DialFailure::NoConnection => RedisTrouble::Unreachable,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use ping_contract::redis_trouble::RedisTrouble;
    use redis::{ErrorKind, RedisError};

    use super::trouble;

    #[test]
    fn a_refused_login_and_a_lost_connection_are_told_by_their_kind() {
        let login = RedisError::from((ErrorKind::AuthenticationFailed, "no"));
        assert_eq!(trouble(&login), RedisTrouble::AccessDenied);
        let lost = RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(trouble(&lost), RedisTrouble::Unreachable);
    }

    #[test]
    fn an_error_reply_is_told_by_its_first_word() {
        for (code, expected) in [
            ("OOM", RedisTrouble::Full),
            ("NOPERM", RedisTrouble::AccessDenied),
            ("WHATEVER", RedisTrouble::Refused),
        ] {
            let reply = redis::make_extension_error(code.to_owned(), None);
            assert_eq!(trouble(&reply), expected, "{code}");
        }
    }
}
