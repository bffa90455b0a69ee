//! Synthetic sign-ins: the operator signs in as a user does, to find out whether signing in works.
//!
//! They use addresses of a reserved domain (RFC 6761), which no mail server in the world can receive mail for. The code
//! travels by the same queue as every other and exists in the mail only. mail-service hands such mails to the sink that it
//! is configured with; user-service lets the user be nobody.

use crate::address::EmailAddress;

/// The domain of the addresses.
pub const DOMAIN: &str = "ping-probe.invalid";

/// The id of the user of every synthetic sign-in, which no other user has. It is never stored in a directory of users.
pub const USER_ID: &str = "000000000000000000000000";

/// The number of addresses. Enough that one chosen at random does not meet its own resend wait and limits, and few
/// enough that what Redis keeps of each stays small.
pub const ADDRESSES: u16 = 1024;

/// One of the addresses.
#[must_use]
pub fn address(number: u16) -> String {
    format!("sign-in-{}@{DOMAIN}", number % ADDRESSES)
}

/// Whether an address belongs to a synthetic sign-in.
#[must_use]
pub fn is_synthetic(address: &EmailAddress) -> bool {
    address.domain() == DOMAIN
}

/// Whether a recipient of a mail, in its normalised form, belongs to a synthetic sign-in.
#[must_use]
pub fn is_recipient(recipient: &str) -> bool {
    recipient.rsplit_once('@').is_some_and(|(_, domain)| domain == DOMAIN)
}

#[cfg(test)]
mod tests {
    use super::{ADDRESSES, address, is_recipient, is_synthetic};
    use crate::address::EmailAddress;

    #[test]
    fn only_the_reserved_domain_itself_is_synthetic() {
        let parse = |text: &str| EmailAddress::parse(text).unwrap();
        for own in [address(0), address(ADDRESSES - 1), "x@PING-PROBE.invalid".to_owned()] {
            let own = parse(&own);
            assert!(is_synthetic(&own) && is_recipient(own.as_str()), "{own}");
        }
        for other in [
            "sign-in-1@example.org",
            "a@x.ping-probe.invalid",
            "a@ping-probe.invalid.example.org",
            "a@not-ping-probe.invalid",
            "ping-probe.invalid@example.org",
        ] {
            let other = parse(other);
            assert!(!is_synthetic(&other) && !is_recipient(other.as_str()), "{other}");
        }
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        assert_eq!(address(ADDRESSES), address(0));
    }
}
