//! The header `From`, quoted by us: lettre would write a name such as `Ping, Inc.` in base64, which spam filters count against a
//! mail, and ends the process at a control character.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::{
    Address,
    message::header::{HeaderName, HeaderValue},
};

const NAME: HeaderName = HeaderName::new_from_ascii_str("From");

/// How long a line should be, without its line end (RFC 5322, 2.1.1).
const LINE: usize = 78;

/// The longest name that is not divided into several lines. A name that needs more is written in encoded words, which may be
/// divided anywhere.
const ONE_LINE: usize = LINE - "From: ".len();

/// How many octets an encoded word holds, so that it and what stands before it fit into 76 characters (RFC 2047, 2).
const WORD_OCTETS: usize = 42;

/// The header for a sender.
pub(super) fn from_header(name: Option<&str>, address: &Address) -> HeaderValue {
    let address: &str = address.as_ref();
    let value = match name {
        None => address.to_owned(),
        Some(name) => mailbox(&phrase(name), address),
    };
    // What stands for the value where lettre reads the header again: it needs the address alone.
    HeaderValue::dangerous_new_pre_encoded(NAME, address.to_owned(), value)
}

fn mailbox(phrase: &str, address: &str) -> String {
    let last_line = phrase.rsplit("\r\n").next().map_or(0, str::len);
    let separator =
        if "From: ".len() + last_line + address.len() + " <>".len() > LINE { "\r\n " } else { " " };
    format!("{phrase}{separator}<{address}>")
}

/// A display name: words as they are, one quoted string, or encoded words (RFC 5322, 3.2.5; RFC 2047, 5).
fn phrase(name: &str) -> String {
    let is_printable = name.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    // Readers decode encoded words where none may stand, and so would show another name than the one that was checked.
    let plain = (is_printable && !name.contains("=?")).then(|| plain(name));
    plain.filter(|plain| plain.len() <= ONE_LINE).unwrap_or_else(|| encoded_words(name))
}

fn plain(name: &str) -> String {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_atom_character);
    if name.split(' ').all(is_word) {
        return name.to_owned();
    }
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for character in name.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// `atext` (RFC 5322, 3.2.3).
fn is_atom_character(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b)
}

/// The name in UTF-8 and base64, a line for each word. Readers leave out what stands between two of them.
fn encoded_words(name: &str) -> String {
    let mut words = Vec::new();
    let mut rest = String::with_capacity(WORD_OCTETS);
    for character in name.chars() {
        if rest.len() + character.len_utf8() > WORD_OCTETS {
            words.push(encoded_word(&rest));
            rest.clear();
        }
        rest.push(character);
    }
    words.push(encoded_word(&rest));
    words.join("\r\n ")
}

fn encoded_word(text: &str) -> String {
    format!("=?utf-8?b?{}?=", STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use lettre::message::header::Headers;
    use proptest::prelude::*;

    use super::{LINE, from_header};

    fn header(name: &str, address: &str) -> String {
        let mut headers = Headers::new();
        headers.insert_raw(from_header(Some(name), &address.parse().unwrap()));
        headers.to_string()
    }

    #[test]
    fn a_name_is_written_as_words_as_a_quoted_string_or_encoded() {
        for (name, written) in [
            ("Ping", "Ping"),
            ("Ping Mail", "Ping Mail"),
            ("Ping & Co", "Ping & Co"),
            ("Ping, Inc.", "\"Ping, Inc.\""),
            ("Ping: Mail", "\"Ping: Mail\""),
            ("Ping (Test)", "\"Ping (Test)\""),
            ("[Ping]", "\"[Ping]\""),
            ("Ping @ Home", "\"Ping @ Home\""),
            ("<Ping>;", "\"<Ping>;\""),
            ("Ping  Mail", "\"Ping  Mail\""),
            ("\"Ping\"", "\"\\\"Ping\\\"\""),
            ("Ping\\", "\"Ping\\\\\""),
            ("Büro, Graz", "=?utf-8?b?QsO8cm8sIEdyYXo=?="),
            ("=?utf-8?b?UGluZw==?=", "=?utf-8?b?PT91dGYtOD9iP1VHbHVadz09Pz0=?="),
            ("a\r\nBcc: b", "=?utf-8?b?YQ0KQmNjOiBi?="),
        ] {
            let expected = format!("From: {written} <a@ping.example>\r\n");
            assert_eq!(header(name, "a@ping.example"), expected, "{name}");
        }
        let bare = from_header(None, &"a@ping.example".parse().unwrap());
        let mut headers = Headers::new();
        headers.insert_raw(bare);
        assert_eq!(headers.to_string(), "From: a@ping.example\r\n");
    }

    #[test]
    fn a_long_name_or_address_takes_several_short_lines() {
        let address = format!("{}@{}.example", "a".repeat(40), "b".repeat(60));
        let name = "プ".repeat(200);
        for name in [name.as_str(), "Ping", &"Ping Mail ".repeat(20), &"\"".repeat(200)] {
            let header = header(name, &address);
            let lines = header.strip_suffix("\r\n").unwrap().split("\r\n").collect::<Vec<_>>();
            let (last, words) = lines.split_last().unwrap();
            assert_eq!(*last, format!(" <{address}>"));
            assert!(words.iter().all(|line| line.len() <= LINE), "{header}");
            assert!(words[1..].iter().all(|line| line.starts_with(" =?utf-8?b?")), "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_one_header_in_ascii(name in "(?s).{1,200}") {
            let header = header(&name, "a@ping.example");
            let unfolded = header.replace("\r\n ", " ");
            prop_assert!(unfolded.is_ascii() && unfolded.ends_with("<a@ping.example>\r\n"), "{}", header);
            prop_assert_eq!(unfolded.matches(['\r', '\n']).count(), 2);
            prop_assert!(header.split("\r\n").all(|line| line.len() <= LINE), "{}", header);
        }
    }
}
