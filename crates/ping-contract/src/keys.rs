//! Redis keys. One database belongs to one Ping; `{email}` is the normalised address.
//!
//! The first two are the original's contract; the rest is ours. Everything is on a single node: scripts touch several
//! keys at once. ACL rules name the prefixes [`PREFIXES`], nothing else is used.
//!
//! | key | type | lives | what |
//! |---|---|---|---|
//! | `otp:{email}` | string | [`CODE_TTL_SECONDS`] | empty while a code lives: to the original's services, no code of theirs |
//! | `otp:ratelimit:{email}` | string | [`RESEND_AFTER_SECONDS`] | the issue id that set it |
//! | `otp:codes:{email}` | hash | [`CODE_TTL_SECONDS`] | digests of the live codes, wrong tries |
//! | `otp:networks:{email}` | hash | 30 days | keyed digests of the client networks that signed in |
//! | `limit:{policy}:{subject}` | string | the policy's window | how often; the window's end is set once |
//! | `limit:verify-in-a-row:{email}` | hash | 30 days | wrong codes since the last sign-in, and the wait after them |
//! | `idempotency:{digest}` | string | [`CODE_TTL_SECONDS`] | a login's `Idempotency-Key`, as an HMAC |
//! | `mail:sent:{id}` | string | the code's life | a mail that is out |
//! | `session:{id}` | hash | 30 days | a sign-in on one device: whose, and the hashes of its refresh tokens |
//! | `session:of:{user}` | sorted set | as its longest session | the ids of a person's sessions |
//! | `signing-key:{kid}` | string | 30 days beyond its use | since when a token's key is published |

use crate::{address::EmailAddress, event::EventId};

// A login has ten of these keys: joining texts costs a third of formatting them.

/// The prefixes of all keys, as key patterns of ACL rules (`~otp:*`).
pub const PREFIXES: [&str; 6] = ["otp:", "limit:", "idempotency:", "mail:", "session:", "signing-key:"];

/// How long a code lives, in seconds, unless configured otherwise.
pub const CODE_TTL_SECONDS: u64 = 300;

/// How long the next login for an address is refused, in seconds, unless configured otherwise.
pub const RESEND_AFTER_SECONDS: u64 = 60;

/// `otp:{email}`: where the original's services keep their code in clear. Empty while only codes of ours live.
#[must_use]
pub fn original_code(address: &EmailAddress) -> String {
    ["otp:", address.as_str()].concat()
}

/// `otp:codes:{email}`: hash with the live codes' digests; lives [`CODE_TTL_SECONDS`].
#[must_use]
pub fn codes(address: &EmailAddress) -> String {
    ["otp:codes:", address.as_str()].concat()
}

/// `otp:ratelimit:{email}`: exists while the next login is refused; lives [`RESEND_AFTER_SECONDS`].
#[must_use]
pub fn resend_limit(address: &EmailAddress) -> String {
    ["otp:ratelimit:", address.as_str()].concat()
}

/// `otp:ratelimit:{mailbox}`: the same for the address without its `+tag`, which is refused together with it.
#[must_use]
pub fn mailbox_resend_limit(mailbox: &str) -> String {
    ["otp:ratelimit:", mailbox].concat()
}

/// `otp:networks:{email}`: keyed digests of the client networks from which this address was signed in, with their ends.
#[must_use]
pub fn known_networks(address: &EmailAddress) -> String {
    ["otp:networks:", address.as_str()].concat()
}

/// `limit:{policy}:{subject}`: a counter of one policy; the subject is a mailbox (an address without its `+tag`), a
/// client network, or both. The policy's name is the one in `RateLimit-Policy`.
#[must_use]
pub fn limit(policy: &str, subject: &str) -> String {
    ["limit:", policy, ":", subject].concat()
}

/// The subject of a counter for a mailbox and a client network, which is named by its keyed digest.
#[must_use]
pub fn mailbox_and_network(mailbox: &str, network_digest: &str) -> String {
    [mailbox, ":", network_digest].concat()
}

/// `limit:verify-in-a-row:{email}`: the wrong codes for an address since its last sign-in.
#[must_use]
pub fn wrong_codes_in_a_row(address: &EmailAddress) -> String {
    format!("limit:verify-in-a-row:{}", address.as_str())
}

/// `limit:{policy}-wait:{subject}`: exists while the next attempt is made to wait.
#[must_use]
pub fn limit_wait(policy: &str, subject: &str) -> String {
    format!("limit:{policy}-wait:{subject}")
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
        PREFIXES, codes, idempotency, known_networks, limit, limit_wait, mail_sent, mailbox_and_network,
        mailbox_resend_limit, original_code, resend_limit, session, sessions_of, signing_key,
        wrong_codes_in_a_row,
    };
    use crate::{address::EmailAddress, event::EventId};

    #[test]
    fn keys_are_the_originals() {
        let address = EmailAddress::parse("Ada@Example.org").unwrap();
        assert_eq!(original_code(&address), "otp:ada@example.org");
        assert_eq!(resend_limit(&address), "otp:ratelimit:ada@example.org");
        assert_eq!(mail_sent(&EventId::from_bytes([1; 16])), format!("mail:sent:{}", "01".repeat(16)));
    }

    #[test]
    fn every_key_has_a_prefix_that_an_acl_rule_names() {
        let address = EmailAddress::parse("ada+x@example.org").unwrap();
        let keys = [
            codes(&address),
            original_code(&address),
            resend_limit(&address),
            mailbox_resend_limit(&address.without_tag()),
            known_networks(&address),
            wrong_codes_in_a_row(&address),
            limit("login-ip", "203.0.113.7"),
            limit("login-address", &mailbox_and_network("ada@example.org", "00ff")),
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
