//! Sign-in codes: how one is drawn, and how what a person types is read. No I/O but the operating system's generator.

use std::fmt;

use ping_contract::typed_characters::{digit_value, is_dash, is_dot, is_unseen};
use rand::{TryRng as _, rngs::SysRng};

use crate::random::NoRandomness;

/// How many digits a code has. Six: 20 bits, what NIST SP 800-63B and OWASP ASVS ask of a code that is rate limited.
pub const CODE_DIGITS: usize = 6;

/// One more than the largest code.
const CODES: u32 = 1_000_000;

/// The six digits. `Debug` does not print them.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; CODE_DIGITS]);

impl Code {
    /// A code from the operating system's generator, every one as likely as another.
    pub fn random() -> Result<Self, NoRandomness> {
        loop {
            let drawn = SysRng.try_next_u32().map_err(|_| NoRandomness)?;
            if let Some(code) = Self::unbiased(drawn) {
                return Ok(code);
            }
        }
    }

    /// The code of a draw; `None` for the draws above the last whole million, which would favour small codes.
    fn unbiased(drawn: u32) -> Option<Self> {
        (drawn < u32::MAX / CODES * CODES).then(|| Self::from_number(drawn % CODES))
    }

    fn from_number(mut number: u32) -> Self {
        let mut digits = [b'0'; CODE_DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789"[(number % 10) as usize];
            number /= 10;
        }
        Self(digits)
    }

    /// Reads what a person typed or pasted: decimal digits of any script, with white space, invisible characters, dashes
    /// and dots anywhere.
    #[must_use]
    pub fn parse(input: &str) -> Option<Self> {
        let mut digits = [0; CODE_DIGITS];
        let mut read = 0;
        let ignored = |c: &char| is_unseen(*c) || c.is_control() || is_dash(*c) || is_dot(*c);
        for c in input.chars().filter(|c| !ignored(c)) {
            *digits.get_mut(read)? = b'0' + digit_value(c)?;
            read += 1;
        }
        (read == CODE_DIGITS).then_some(Self(digits))
    }

    /// The digits, for the mail and the digest alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default() // ASCII digits by construction
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(******)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CODES, Code};

    #[test]
    fn draws_above_the_last_whole_million_are_drawn_again() {
        let limit = u32::MAX / CODES * CODES;
        assert_eq!(limit, 4_294_000_000);
        assert_eq!(Code::unbiased(limit), None);
        assert_eq!(Code::unbiased(limit - 1).unwrap().as_str(), "999999");
        assert_eq!(Code::unbiased(42).unwrap().as_str(), "000042");
    }

    #[test]
    fn codes_are_read_as_people_paste_them() {
        for typed in [
            "482931",
            " 482 931 ",
            "482-931",
            "482931.",
            "482\u{a0}931\n",
            "482\u{2013}931",
            "482\u{2212}931",
            "482\u{b7}931",
            "4.8.2.9.3.1",
            "482\u{30fc}931",
            "\u{2022} 482\u{2043}931\u{2026}",
            "\u{2800}482931\u{3164}",
            "\u{0}482931\u{8}",
            "\u{202e}482931\u{fff9}",
            "\u{1e954}\u{1e958}\u{1e952}931\u{964}",
            "\u{200b}482931\u{feff}",
            "\u{202a}482\u{2060}931\u{202c}",
            "\u{ff14}\u{ff18}\u{ff12}931\u{3002}",
            "\u{664}\u{668}\u{662}\u{669}\u{663}\u{661}",
            "\u{96a}\u{96e}\u{968}\u{96f}\u{969}\u{967}",
            "\u{1d7d2}\u{1d7d6}2931",
        ] {
            assert_eq!(Code::parse(typed).unwrap().as_str(), "482931", "{typed:?}");
        }
        for typed in
            ["", "...", "48293", "4829311", "48293a", "-482931x", "482,931", "48293\u{b2}", "\u{56db}82931"]
        {
            assert_eq!(Code::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn debug_does_not_print_the_digits() {
        assert!(!format!("{:?}", Code::parse("482931").unwrap()).contains("48"));
    }

    proptest! {
        #[test]
        fn every_code_reads_back(number in 0..CODES) {
            let code = Code::from_number(number);
            prop_assert_eq!(code.as_str(), format!("{number:06}"));
            prop_assert_eq!(Code::parse(code.as_str()), Some(code));
        }
    }
}
