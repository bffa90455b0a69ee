//! The sender of all mails, as people write it: read by mail-service, and by the operator before it starts one.

use crate::{
    address::MAX_ADDRESS_OCTETS,
    typed_characters::{is_control, is_direction_control},
};

/// The longest local part, in octets (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_OCTETS: usize = 64;

/// The longest name, in characters. Servers cut lines of headers.
const MAX_NAME: usize = 200;

/// A name, perhaps, and an address in ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub name: Option<String>,
    pub address: String,
}

/// Why a text is no sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    #[error("it has a line break or another control character")]
    Control,
    #[error("it has a character that changes the direction of text, such as U+202E")]
    Direction,
    #[error("it has no address such as no-reply@example.org, alone or in angle brackets at the end")]
    NoAddress,
    #[error("the part of the address before the @ may only have ASCII characters")]
    LocalPart,
    #[error("the part of the address after the @ is not a domain name")]
    Domain,
    #[error("its name is longer than 200 characters, or its address than 254")]
    TooLong,
}

impl Sender {
    /// Reads `no-reply@example.org`, `<no-reply@example.org>`, `Ping <no-reply@example.org>`, with or without quotes around
    /// the name, and `no-reply@example.org (Ping)`. A domain in other letters becomes punycode. The name is as it is to be read:
    /// whoever writes it into a header quotes it.
    pub fn parse(text: &str) -> Result<Self, SenderError> {
        let text = text.trim();
        if text.chars().any(is_control) {
            return Err(SenderError::Control);
        }
        if text.chars().any(is_direction_control) {
            return Err(SenderError::Direction);
        }
        let (name, address) = split(text).ok_or(SenderError::NoAddress)?;
        let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        if name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME) {
            return Err(SenderError::TooLong);
        }
        Ok(Self { name, address: address_of(address.trim())? })
    }
}

fn split(text: &str) -> Option<(Option<String>, &str)> {
    if let Some(rest) = text.strip_suffix('>') {
        let (name, address) = rest.rsplit_once('<')?;
        return unquoted(name.trim()).map(|name| (Some(name), address));
    }
    if let Some((address, name)) = text.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        return Some((Some(name.trim().to_owned()), address));
    }
    (!text.contains(['<', '>'])).then_some((None, text))
}

/// A name without the quotes around it. `None` if brackets in it make it unclear which is the address.
fn unquoted(name: &str) -> Option<String> {
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let Some(quoted) = quoted else {
        return (!name.contains(['<', '>'])).then(|| name.to_owned());
    };
    let mut plain = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(characters.next()?),
            other => plain.push(other),
        }
    }
    Some(plain)
}

fn address_of(text: &str) -> Result<String, SenderError> {
    if text.len() > MAX_ADDRESS_OCTETS {
        return Err(SenderError::TooLong);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(SenderError::NoAddress)?;
    if !local.is_ascii() {
        return Err(SenderError::LocalPart);
    }
    // What ends the command that the address is written into.
    if local.is_empty() || local.bytes().any(|byte| !byte.is_ascii_graphic() || b"<>".contains(&byte)) {
        return Err(SenderError::NoAddress);
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        idna::domain_to_ascii_strict(domain).map_err(|_| SenderError::Domain)?
    };
    let address = format!("{local}@{domain}");
    if local.len() > MAX_LOCAL_OCTETS || address.len() > MAX_ADDRESS_OCTETS {
        return Err(SenderError::TooLong);
    }
    let printable = domain.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    // The parser behind lettre's `Address` has the last word.
    if !printable || !email_address::EmailAddress::is_valid(&address) {
        let valid_local = email_address::EmailAddress::is_valid(&format!("{local}@example.org"));
        return Err(if valid_local { SenderError::Domain } else { SenderError::NoAddress });
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::{Sender, SenderError};

    #[test]
    fn a_sender_is_read_as_people_write_it() {
        for (text, name, address) in [
            ("no-reply@example.org", None, "no-reply@example.org"),
            ("  no-reply@example.org\t", None, "no-reply@example.org"),
            ("<no-reply@example.org>", None, "no-reply@example.org"),
            ("Ping <no-reply@example.org>", Some("Ping"), "no-reply@example.org"),
            ("Ping<no-reply@example.org>", Some("Ping"), "no-reply@example.org"),
            ("Ping, Inc. <No-Reply@Example.org>", Some("Ping, Inc."), "No-Reply@Example.org"),
            ("Ping (Test): Sign in <a@example.org>", Some("Ping (Test): Sign in"), "a@example.org"),
            ("\"Ping <3 \\\"you\\\"\" <a@example.org>", Some("Ping <3 \"you\""), "a@example.org"),
            ("Büro @ Ping <a@example.org>", Some("Büro @ Ping"), "a@example.org"),
            ("a@example.org (Ping)", Some("Ping"), "a@example.org"),
            ("Ping <a@bücher.example>", Some("Ping"), "a@xn--bcher-kva.example"),
            ("Ping < a@example.org >", Some("Ping"), "a@example.org"),
            ("a@example.org.", None, "a@example.org"),
            ("ping@localhost", None, "ping@localhost"),
            ("\"\" <a@example.org>", None, "a@example.org"),
            ("\" \" <a@example.org>", None, "a@example.org"),
            ("\" Ping  Mail \" <a@example.org>", Some("Ping  Mail"), "a@example.org"),
            ("[Ping] \\o/ <a@example.org>", Some("[Ping] \\o/"), "a@example.org"),
            ("Ping <a@xn--bcher-kva.example>", Some("Ping"), "a@xn--bcher-kva.example"),
            ("Ping <a@BÜCHER.example>", Some("Ping"), "a@xn--bcher-kva.example"),
            ("Ping <a@bu\u{308}cher。example>", Some("Ping"), "a@xn--bcher-kva.example"),
        ] {
            let sender = Sender { name: name.map(str::to_owned), address: address.to_owned() };
            assert_eq!(Sender::parse(text), Ok(sender), "{text}");
        }
    }

    #[test]
    fn what_is_no_sender_is_refused_with_the_reason() {
        for (text, error) in [
            ("", SenderError::NoAddress),
            ("Ping", SenderError::NoAddress),
            ("apikey", SenderError::NoAddress),
            ("Ping <>", SenderError::NoAddress),
            ("Ping no-reply@example.org", SenderError::NoAddress),
            ("a@example.org, b@example.org", SenderError::NoAddress),
            ("Ping <a@example.org> <b@example.org>", SenderError::NoAddress),
            ("a@example.org>", SenderError::NoAddress),
            ("@example.org", SenderError::NoAddress),
            ("a b@example.org", SenderError::NoAddress),
            ("Ping <a@example.org\r\nBcc: b@example.org>", SenderError::Control),
            ("Pi\nng <a@example.org>", SenderError::Control),
            ("Pi\0ng <a@example.org>", SenderError::Control),
            ("Pi\u{1b}[31mng <a@example.org>", SenderError::Control),
            ("Pi\u{85}ng <a@example.org>", SenderError::Control),
            ("Pi\u{2028}ng <a@example.org>", SenderError::Control),
            ("\"Ping\\\n\" <a@example.org>", SenderError::Control),
            ("Ping \u{202e}knab <a@example.org>", SenderError::Direction),
            ("Ping \u{2066}bank <a@example.org>", SenderError::Direction),
            ("a\u{200f}@example.org", SenderError::Direction),
            ("müller@example.org", SenderError::LocalPart),
            ("a@", SenderError::Domain),
            ("a@ex ample.org", SenderError::Domain),
            ("a@-example.org", SenderError::Domain),
            ("a@.example.org", SenderError::Domain),
        ] {
            assert_eq!(Sender::parse(text), Err(error), "{text}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        assert_eq!(Sender::parse(&long), Err(SenderError::TooLong));
        let name = format!("{} <a@example.org>", "n".repeat(201));
        assert_eq!(Sender::parse(&name), Err(SenderError::TooLong));
        let in_punycode = format!("a@{}example.org", "ü.".repeat(60));
        assert!(in_punycode.len() <= 254);
        assert_eq!(Sender::parse(&in_punycode), Err(SenderError::Domain));
    }
}
