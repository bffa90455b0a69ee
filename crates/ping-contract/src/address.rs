//! The e-mail address that a code is sent to: parsed once, normalised, and printed masked.

use std::{fmt, str::FromStr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::typed_characters::is_unseen;

/// The longest address, in octets (RFC 5321, 4.5.3.1.3: a path of 256 less its two brackets).
pub const MAX_ADDRESS_OCTETS: usize = 254;

/// The longest local part, in octets (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_OCTETS: usize = 64;

/// A normalised address: ASCII, lower case, its domain in punycode with at least one dot.
///
/// Narrower than RFC 5321 on purpose: no quoted local part, no IP literal, no SMTPUTF8. `Display` and `Debug`
/// print it masked (`a***@example.org`), so that it cannot reach a log by accident; [`EmailAddress::as_str`] is
/// the full form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

/// `@`, and the two of it that East Asian keyboards write.
const AT_SIGNS: [char; 3] = ['@', '＠', '﹫'];

/// The full stops that UTS 46 takes for the dot between two labels.
const DOTS: [char; 4] = ['.', '。', '．', '｡'];

/// Letters, digits, hyphens and, since hosts have them and mail reaches them, underscores.
const NOT_IN_DOMAINS: AsciiDenyList = AsciiDenyList::new(true, " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// Why a text is not an address that Ping mails to. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Over [`MAX_ADDRESS_OCTETS`], or a local part over 64.
    #[error("the address is longer than 254 characters, or its local part than 64")]
    TooLong,
    /// No single `@` with something on both sides, or characters that RFC 5321 does not allow.
    #[error("the address is not of the form name@domain")]
    Malformed,
    /// A local part that is quoted or not ASCII.
    #[error("the part before the @ may only have unquoted ASCII characters")]
    LocalPart,
    /// A domain that is an IP literal, has no dot, or cannot be written in punycode.
    #[error("the part after the @ is not a domain name with a dot")]
    Domain,
}

impl EmailAddress {
    /// Parses and normalises what a person typed or pasted: white space and invisible characters around it go, and so
    /// does one full stop at its end; ASCII letters become lower case, a full-width `@` becomes `@`, and the domain
    /// becomes punycode.
    ///
    /// Lower-casing is ASCII only: Unicode's maps U+212A (KELVIN SIGN) to `k`, which would let one person's
    /// address stand for another's.
    pub fn parse(input: &str) -> Result<Self, AddressError> {
        let input = input.trim_matches(is_unseen);
        let input = input.strip_suffix(DOTS).unwrap_or(input);
        let (local, domain) = input.rsplit_once(AT_SIGNS).ok_or(AddressError::Malformed)?;
        // Before anything else looks at it: the parser's work must be bounded. Punycode only makes it longer.
        if local.len() + 1 + domain.len() > MAX_ADDRESS_OCTETS {
            return Err(AddressError::TooLong);
        }
        if input.chars().any(char::is_control) {
            return Err(AddressError::Malformed);
        }
        let local = normalise_local(local)?;
        let domain = normalise_domain(domain)?;
        if local.len() > MAX_LOCAL_OCTETS || local.len() + 1 + domain.len() > MAX_ADDRESS_OCTETS {
            return Err(AddressError::TooLong);
        }
        let at = local.len();
        let text = [local.as_str(), "@", &domain].concat();
        // The parser behind lettre's `Address` has the last word: what it refuses could not be mailed.
        if !email_address::EmailAddress::is_valid(&text) {
            return Err(AddressError::Malformed);
        }
        Ok(Self { text, at })
    }

    /// The same; the domain may also be one of these, which need no dot, such as `localhost`.
    pub fn parse_with_local(input: &str, local_domains: &[String]) -> Result<Self, AddressError> {
        let input = input.trim();
        let given = input.rsplit_once('@').map_or("", |(_, domain)| domain);
        let Some(domain) = local_domains.iter().find(|domain| domain.eq_ignore_ascii_case(given)) else {
            return Self::parse(input);
        };
        // All else is as in any other address.
        let dotted = Self::parse(&format!("{input}.invalid"))?;
        let text = format!("{}@{}", dotted.local_part(), domain.to_ascii_lowercase());
        Ok(Self { text, at: dotted.at })
    }

    /// The full normalised address. For Redis keys, mail envelopes and answers to its owner; not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// What stands after the `@`: lower case, punycode.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The address without its `+tag`: what limits count, since every tag reaches the same mailbox. A name to count
    /// under, not an address to mail to: `a.+x@example.org` leaves `a.@example.org`.
    #[must_use]
    pub fn without_tag(&self) -> String {
        match self.local_part().split_once('+') {
            Some((base, _)) if !base.is_empty() => format!("{base}@{}", self.domain()),
            _ => self.text.clone(),
        }
    }
}

fn normalise_local(local: &str) -> Result<String, AddressError> {
    if local.is_empty() {
        return Err(AddressError::Malformed);
    }
    if !local.is_ascii() || local.contains('"') || local.contains('\\') {
        return Err(AddressError::LocalPart);
    }
    if local.contains('@') || local.contains(' ') {
        return Err(AddressError::Malformed);
    }
    Ok(local.to_ascii_lowercase())
}

fn normalise_domain(domain: &str) -> Result<String, AddressError> {
    // UTS 46 would leave out what is not seen.
    if domain.starts_with('[') || domain.ends_with(DOTS) || domain.contains(is_unseen) {
        return Err(AddressError::Domain);
    }
    // UTS 46 maps U+212A to `k` in a domain: rightly so, that is what a resolver would be asked for.
    let ascii = Uts46::new().to_ascii(domain.as_bytes(), NOT_IN_DOMAINS, Hyphens::Allow, DnsLength::Verify);
    let ascii = ascii.map_err(|_| AddressError::Domain)?.into_owned();
    let labels = ascii.split('.').collect::<Vec<_>>();
    let numeric_end = labels.last().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if labels.len() < 2 || labels.iter().any(|label| label.is_empty()) || numeric_end {
        return Err(AddressError::Domain);
    }
    Ok(ascii)
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        Self::parse(input)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.text.chars().next().unwrap_or('*');
        write!(f, "{first}***@{}", self.domain())
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({self})")
    }
}

#[cfg(test)]
mod tests;
