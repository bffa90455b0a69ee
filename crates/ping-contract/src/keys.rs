//! Redis keys. One database belongs to one Ping; `{email}` is the normalised address.
//!
//! The first two are the original's contract; the rest is ours. Everything is on a single node: scripts touch several
//! keys at once. ACL rules name the prefixes [`PREFIXES`], nothing else is used.
//!
//! | key | type | lives | what |
//! |---|---|---|---|
//! | `otp:{email}` | hash | [`CODE_TTL_SECONDS`] | digests of the live codes, wrong tries |
//! | `otp:ratelimit:{email}` | string | [`RESEND_AFTER_SECONDS`] | the issue id that set it |
//! | `limit:{policy}:{subject}` | string | the policy's window | how often; the window's end is set once |
//! | `idempotency:{digest}` | string | [`CODE_TTL_SECONDS`] | a login's `Idempotency-Key`, as an HMAC |
//! | `mail:sent:{id}` | string | the code's life | a mail that is out |
//! | `session:{id}` | hash | 30 days | a sign-in on one device: whose, and the hashes of its refresh tokens |
//! | `session:of:{user}` | sorted set | as its longest session | the ids of a person's sessions |
//! | `signing-key:{kid}` | string | 30 days beyond its use | since when a token's key is published |

use crate::{address::EmailAddress, event::EventId};

/// The prefixes of all keys, as key patterns of ACL rules (`~otp:*`).
pub const PREFIXES: [&str; 6] = ["otp:", "limit:", "idempotency:", "mail:", "session:", "signing-key:"];

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

/// `otp:ratelimit:{mailbox}`: the same for the address without its `+tag`, which is refused together with it.
#[must_use]
pub fn mailbox_resend_limit(mailbox: &str) -> String {
    format!("otp:ratelimit:{mailbox}")
}

/// `limit:{policy}:{subject}`: a counter of one policy; the subject is a mailbox (an address without its `+tag`) or a
/// client network. The policy's name is the one in `RateLimit-Policy`.
#[must_use]
pub fn limit(policy: &str, subject: &str) -> String {
    format!("limit:{policy}:{subject}")
}

/// `limit:{policy}-wait:{mailbox}`: exists while the next try is made to wait.
#[must_use]
pub fn limit_wait(policy: &str, mailbox: &str) -> String {
    format!("limit:{policy}-wait:{mailbox}")
}

/// `idempotency:{digest}`: what a login with an `Idempotency-Key` became. The digest is an HMAC, in hex digits.
#[must_use]
pub fn idempotency(digest: &str) -> String {
    format!("idempotency:{digest}")
}

/// `mail:sent:{id}`: set after the mail server's 250, so that a redelivery is not mailed again.
#[must_use]
pub fn mail_sent(id: &EventId) -> String {
    format!("mail:sent:{id}")
}

/// `session:{id}`: a session; its id has 32 hex digits.
#[must_use]
pub fn session(id: &str) -> String {
    format!("session:{id}")
}

/// `session:of:{user}`: the ids of a person's sessions, by their end; a user id has 24 hex digits.
#[must_use]
pub fn sessions_of(user_id: &str) -> String {
    format!("session:of:{user_id}")
}

/// `signing-key:{kid}`: when this key was first published.
#[must_use]
pub fn signing_key(kid: &str) -> String {
    format!("signing-key:{kid}")
}

#[cfg(test)]
mod tests {
    use super::{
        PREFIXES, code, idempotency, limit, limit_wait, mail_sent, mailbox_resend_limit, resend_limit,
        session, sessions_of, signing_key,
    };
    use crate::{address::EmailAddress, event::EventId};

    #[test]
    fn keys_are_the_originals() {
        let address = EmailAddress::parse("Ada@Example.org").unwrap();
        assert_eq!(code(&address), "otp:ada@example.org");
        assert_eq!(resend_limit(&address), "otp:ratelimit:ada@example.org");
        assert_eq!(mail_sent(&EventId::from_bytes([1; 16])), format!("mail:sent:{}", "01".repeat(16)));
    }

    #[test]
    fn every_key_has_a_prefix_that_an_acl_rule_names() {
        let address = EmailAddress::parse("ada+x@example.org").unwrap();
        let keys = [
            code(&address),
            resend_limit(&address),
            mailbox_resend_limit(&address.without_tag()),
            limit("login-ip", "203.0.113.7"),
            limit_wait("verify-address", "ada@example.org"),
            idempotency("00ff"),
            mail_sent(&EventId::from_bytes([1; 16])),
            session("00ff"),
            sessions_of("00ff"),
            signing_key("kid"),
        ];
        for key in keys {
            assert!(PREFIXES.iter().any(|prefix| key.starts_with(prefix)), "{key}");
        }
    }
}
