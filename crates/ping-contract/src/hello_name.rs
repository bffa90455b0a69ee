//! The name that mail servers are greeted with, in `EHLO` (RFC 5321, 4.1.3 and 4.1.4): read by mail-service, and by the operator
//! before it starts one.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The longest domain name and the longest label, in octets (RFC 1035, 2.3.4).
const MAX_DOMAIN_OCTETS: usize = 253;
const MAX_LABEL_OCTETS: usize = 63;

/// A domain name in ASCII, or an address literal. `Display` is what `EHLO` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelloName {
    Domain(String),
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
}

/// Why a text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HelloNameError {
    #[error("it is not a domain name such as mail.example.org")]
    Domain,
    #[error("an IP address stands in brackets: [192.0.2.1] or [IPv6:2001:db8::1]")]
    Address,
    #[error("it is longer than 253 characters, or has more than 63 between two dots")]
    TooLong,
}

impl FromStr for HelloName {
    type Err = HelloNameError;

    /// Reads `mail.example.org`, `[192.0.2.1]` or `[IPv6:2001:db8::1]`. A domain in other letters becomes punycode.
    fn from_str(text: &str) -> Result<Self, HelloNameError> {
        let text = text.trim();
        if let Some(literal) = text.strip_prefix('[') {
            return literal.strip_suffix(']').and_then(address_literal).ok_or(HelloNameError::Address);
        }
        let domain = text.strip_suffix('.').unwrap_or(text);
        let last = domain.rsplit('.').next().unwrap_or_default();
        let is_number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
        if is_number || domain.contains(':') {
            return Err(HelloNameError::Address);
        }
        let domain = if domain.is_ascii() {
            domain.to_owned()
        } else {
            idna::domain_to_ascii_strict(domain).map_err(|_| HelloNameError::Domain)?
        };
        if domain.len() > MAX_DOMAIN_OCTETS || domain.split('.').any(|label| label.len() > MAX_LABEL_OCTETS) {
            return Err(HelloNameError::TooLong);
        }
        if domain.split('.').all(is_label) { Ok(Self::Domain(domain)) } else { Err(HelloNameError::Domain) }
    }
}

fn address_literal(text: &str) -> Option<HelloName> {
    match text.split_at_checked(5) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => {
            address.parse().ok().map(HelloName::Ipv6)
        }
        _ => text.parse().ok().map(HelloName::Ipv4),
    }
}

fn is_label(label: &str) -> bool {
    let of_letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    !label.is_empty() && of_letters && !label.starts_with('-') && !label.ends_with('-')
}

impl fmt::Display for HelloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => f.write_str(domain),
            Self::Ipv4(address) => write!(f, "[{address}]"),
            Self::Ipv6(address) => write!(f, "[IPv6:{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HelloName, HelloNameError};

    fn said(text: &str) -> Result<String, HelloNameError> {
        text.parse::<HelloName>().map(|name| name.to_string())
    }

    #[test]
    fn a_greeting_names_a_domain_or_an_address_in_brackets() {
        for (text, name) in [
            ("mail.example.org", "mail.example.org"),
            (" Mail.Example.org.\n", "Mail.Example.org"),
            ("localhost", "localhost"),
            ("1.mail-2.example.org", "1.mail-2.example.org"),
            ("mail.bücher.example", "mail.xn--bcher-kva.example"),
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
            ("[ipv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]"),
        ] {
            assert_eq!(said(text).as_deref(), Ok(name), "{text}");
        }
    }

    #[test]
    fn what_no_mail_server_takes_is_refused_with_the_reason() {
        for (text, error) in [
            ("", HelloNameError::Domain),
            (".", HelloNameError::Domain),
            ("mail example.org", HelloNameError::Domain),
            ("mail.example.org\r\nMAIL FROM:<a@b.example>", HelloNameError::Address),
            ("mail.example.org\r\nRSET", HelloNameError::Domain),
            ("mail..example.org", HelloNameError::Domain),
            ("-mail.example.org", HelloNameError::Domain),
            ("mail-.example.org", HelloNameError::Domain),
            ("my_host.example.org", HelloNameError::Domain),
            ("ping@example.org", HelloNameError::Domain),
            ("mail\0.example.org", HelloNameError::Domain),
            ("bü cher.example", HelloNameError::Domain),
            ("192.0.2.1", HelloNameError::Address),
            ("2001:db8::1", HelloNameError::Address),
            ("[192.0.2]", HelloNameError::Address),
            ("[2001:db8::1]", HelloNameError::Address),
            ("[IPv6:192.0.2.1]", HelloNameError::Address),
            ("[192.0.2.1", HelloNameError::Address),
            ("[]", HelloNameError::Address),
        ] {
            assert_eq!(said(text), Err(error), "{text:?}");
        }
        let label = format!("{}.example.org", "a".repeat(64));
        assert_eq!(said(&label), Err(HelloNameError::TooLong));
        let name = ["a".repeat(63).as_str(); 4].join(".");
        assert_eq!(said(&name), Err(HelloNameError::TooLong));
    }
}
