//! Sign-in codes: how one is drawn, and how what a person types is read. No I/O but the operating system's generator.

use std::fmt;

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

    /// Reads what a person typed or pasted: spaces and dashes go, full-width digits become ASCII ones.
    #[must_use]
    pub fn parse(input: &str) -> Option<Self> {
        let mut digits = [0; CODE_DIGITS];
        let mut read = 0;
        for c in input.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            *digits.get_mut(read)? = match c {
                '0'..='9' => u8::try_from(c).ok()?,
                '\u{ff10}'..='\u{ff19}' => b'0' + u8::try_from(u32::from(c) - 0xff10).ok()?,
                _ => return None,
            };
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
        for typed in ["482931", " 482 931 ", "482-931", "\u{ff14}\u{ff18}\u{ff12}931", "482\u{a0}931\n"] {
            assert_eq!(Code::parse(typed).unwrap().as_str(), "482931", "{typed:?}");
        }
        for typed in ["", "48293", "4829311", "48293a", "\u{0664}82931", "-482931x"] {
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
