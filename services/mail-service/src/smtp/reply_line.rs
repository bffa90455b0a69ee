//! One line of a reply as servers really send it → as RFC 5321 has it, pure.
//!
//! The code is what counts. lettre refuses a whole reply because of its text: octets that are not UTF-8, a code without a
//! text, a line that ends without a carriage return, a code such as 571 whose second digit it does not know; and it takes the
//! keywords of EHLO in upper case only.

use std::ops::RangeInclusive;

/// A reply code: 200 to 599.
const CLASSES: RangeInclusive<u8> = b'2'..=b'5';
/// The second digits that RFC 5321 (section 4.2.1) knows.
const CATEGORIES: RangeInclusive<u8> = b'0'..=b'5';

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReplyLine {
    /// 200 to 599.
    pub(super) code: u16,
    /// Whether the reply ends with it.
    pub(super) is_last: bool,
    /// Printable ASCII; other octets are question marks. Of a 250 in upper case: only the keywords of EHLO matter there.
    pub(super) text: String,
}

impl ReplyLine {
    /// Reads a line, with or without its end. `None` if it does not begin with a reply code.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let &[class, category, detail, ref rest @ ..] = line else { return None };
        if !CLASSES.contains(&class) || !category.is_ascii_digit() || !detail.is_ascii_digit() {
            return None;
        }
        // An unknown code counts as its class (RFC 5321, section 4.3.2). Acceptance is exactly 250: nothing becomes one.
        let digits = match (class, category) {
            (_, category) if CATEGORIES.contains(&category) => [class, category, detail],
            (b'4' | b'5', _) => [class, b'5', b'0'],
            _ => return None,
        };
        let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
        let (is_last, text) = match rest.split_first() {
            Some((b'-', text)) => (false, text),
            Some((b' ', text)) => (true, text),
            Some((other, _)) if other.is_ascii_digit() => return None,
            _ => (true, rest),
        };
        Some(Self { code, is_last, text: printable(text, code == 250) })
    }

    /// The line as it goes to lettre.
    pub(super) fn to_wire(&self) -> String {
        let separator = if self.is_last { ' ' } else { '-' };
        format!("{}{separator}{}\r\n", self.code, self.text)
    }
}

fn printable(text: &[u8], upper_case: bool) -> String {
    let readable = |octet: &u8| if (b' '..=b'~').contains(octet) { char::from(*octet) } else { '?' };
    let text = text.trim_ascii_end().iter().map(readable).collect::<String>();
    if upper_case { text.to_ascii_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ReplyLine;

    fn wire(line: &[u8]) -> Option<String> {
        ReplyLine::parse(line).map(|line| line.to_wire())
    }

    #[test]
    fn a_reply_is_understood_by_its_code_whatever_its_text() {
        for (line, expected) in [
            (&b"550 5.1.1 no\r\n"[..], "550 5.1.1 no\r\n"),
            (b"250", "250 \r\n"),
            (b"250\n", "250 \r\n"),
            (b"250-", "250-\r\n"),
            (b"250-   \r\n", "250-\r\n"),
            (b"535 5.7.8 Zugriff verweigert f\xfcr \xe4\r\n", "535 5.7.8 Zugriff verweigert f?r ?\r\n"),
            (b"535-\0\x1b[2J\r\n", "535-??[2J\r\n"),
            (b"354go\r\n", "354 go\r\n"),
            (b"571 5.7.1 no\r\n", "550 5.7.1 no\r\n"),
            (b"498 later\r\n", "450 later\r\n"),
        ] {
            assert_eq!(wire(line).as_deref(), Some(expected), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn keywords_of_ehlo_may_be_in_any_case() {
        assert_eq!(wire(b"250-StartTls\r\n").as_deref(), Some("250-STARTTLS\r\n"));
        assert_eq!(wire(b"250 auth plain Login\r\n").as_deref(), Some("250 AUTH PLAIN LOGIN\r\n"));
    }

    #[test]
    fn what_has_no_code_is_no_reply_and_no_unknown_code_becomes_an_acceptance() {
        for line in [&b""[..], b"25", b"hello there", b"2500 x", b"150 x", b"650 x", b"290 x", b"2a0 x"] {
            assert_eq!(wire(line), None, "{}", String::from_utf8_lossy(line));
        }
    }

    proptest! {
        #[test]
        fn any_octets_after_a_code_leave_the_code_as_it_is(
            code in 200u16..560,
            text in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let known = (code / 10) % 10 <= 5;
            let line = [code.to_string().as_bytes(), b" ", &text].concat();
            let parsed = ReplyLine::parse(&line);
            prop_assert_eq!(parsed.filter(|_| known).map(|line| line.code), known.then_some(code));
        }
    }
}
