//! Redis keys. One database belongs to one Ping; `{email}` is the normalised address.
//!
//! The first two are the original's contract; the rest is ours. ACL rules name the prefixes.

use crate::{address::EmailAddress, event::EventId};

/// How long a code lives, in seconds, unless configured otherwise.
pub const CODE_TTL_SECONDS: u64 = 300;

/// How long the next login for an address is refused, in seconds, unless configured otherwise.
pub const RESEND_AFTER_SECONDS: u64 = 60;

/// `otp:{email}`: hash with the live codes' digests; lives [`CODE_TTL_SECONDS`].
#[must_use]
pub fn code(address: &EmailAddress) -> String {
    format!("otp:{}", address.as_str())
}

/// `otp:ratelimit:{email}`: exists while the next login is refused; lives [`RESEND_AFTER_SECONDS`].
#[must_use]
pub fn resend_limit(address: &EmailAddress) -> String {
    format!("otp:ratelimit:{}", address.as_str())
}

/// `mail:sent:{id}`: set after the mail server's 250, so that a redelivery is not mailed again.
#[must_use]
pub fn mail_sent(id: &EventId) -> String {
    format!("mail:sent:{id}")
}

#[cfg(test)]
mod tests {
    use super::{code, mail_sent, resend_limit};
    use crate::{address::EmailAddress, event::EventId};

    #[test]
    fn keys_are_the_originals() {
        let address = EmailAddress::parse("Ada@Example.org").unwrap();
        assert_eq!(code(&address), "otp:ada@example.org");
        assert_eq!(resend_limit(&address), "otp:ratelimit:ada@example.org");
        assert_eq!(mail_sent(&EventId::from_bytes([1; 16])), format!("mail:sent:{}", "01".repeat(16)));
    }
}
