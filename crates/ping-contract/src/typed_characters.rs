//! Characters as people type and paste them: digits of any script, and what is not seen.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{BidiControl, Dash, DefaultIgnorableCodePoint, GeneralCategory},
};

/// The value of a decimal digit of any script (Unicode's `Nd`), such as `٤` or `４`.
#[must_use]
pub fn digit_value(c: char) -> Option<u8> {
    if let '0'..='9' = c {
        return u8::try_from(u32::from(c) - u32::from('0')).ok();
    }
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_digit = |c: u32| categories.get32(c) == GeneralCategory::DecimalNumber;
    if !is_digit(u32::from(c)) {
        return None;
    }
    // Unicode has them only in runs from 0 to 9 (stability policy, "Numeric_Type=Decimal"), some directly after another.
    let before = (0..u32::from(c)).rev().take_while(|c| is_digit(*c)).count();
    u8::try_from(before % 10).ok()
}

/// White space, or a character that has no form of its own: zero-width spaces and joiners, direction marks, soft
/// hyphens, variation selectors, the byte order mark, Hangul fillers and the empty Braille pattern.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    // Most characters are ASCII, which has no other.
    if c.is_ascii() {
        return c.is_whitespace();
    }
    c.is_whitespace()
        || c == '\u{2800}'
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::Format
}

/// A character that ends a line or controls a device: one of Unicode's `Cc`, or its separators of lines and paragraphs.
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A character that only changes the direction of the text around it, so that it can look like another text.
#[must_use]
pub fn is_direction_control(c: char) -> bool {
    !c.is_ascii() && CodePointSetData::new::<BidiControl>().contains(c)
}

/// A dash or hyphen of any kind, the minus sign, or what keyboards and copied tables have in place of one: the sign for
/// a long vowel (Japanese), a modifier letter, lines of boxes.
#[must_use]
pub fn is_dash(c: char) -> bool {
    CodePointSetData::new::<Dash>().contains(c)
        || matches!(c, 'ー' | 'ｰ' | 'ㅡ' | '˗' | '⁃' | '⎯' | '─' | '━' | '╌' | '┄' | '➖')
}

/// Full stops of all scripts, middle dots, ellipses and bullets.
const DOTS: &str = ".·\u{387}։۔।॥።᙮᠃᠉ᐧ•‣․‥…‧⁘∘∙⋅⋯●◦⦁⸰⸱⸳⸼。・꓿꘎꛳ꞏ︒﹒．｡･𐄁";

/// A character of [`DOTS`].
#[must_use]
pub fn is_dot(c: char) -> bool {
    DOTS.contains(c)
}

#[cfg(test)]
mod tests {
    use super::{digit_value, is_control, is_dash, is_direction_control, is_dot, is_unseen};

    #[test]
    fn a_digit_has_its_value_in_every_script() {
        for zero in
            ['0', '٠', '۰', '߀', '०', '০', '๐', '၀', '០', '᠐', '０', '𑁦', '𝟎', '𝟘', '𝟢', '𝟬', '𝟶', '🯰']
        {
            for value in 0..10 {
                let digit = char::from_u32(u32::from(zero) + value).unwrap();
                assert_eq!(digit_value(digit).map(u32::from), Some(value), "{digit}");
            }
        }
        for other in ['a', '½', '²', '①', 'Ⅳ', '四', '-', ' '] {
            assert_eq!(digit_value(other), None, "{other}");
        }
    }

    #[test]
    fn every_run_of_digits_is_whole() {
        let digits = ('\0'..=char::MAX).filter_map(digit_value).collect::<Vec<_>>();
        assert!(digits.len() >= 650 && digits.chunks(10).all(|run| run.iter().copied().eq(0..10)));
    }

    #[test]
    fn what_is_not_seen_is_white_space_or_has_no_form() {
        for unseen in
            " \t\r\n\u{a0}\u{3000}\u{200b}\u{200d}\u{200e}\u{202c}\u{2060}\u{ad}\u{fe0f}\u{feff}\u{2800}\u{3164}\u{fff9}\u{e0020}"
                .chars()
        {
            assert!(is_unseen(unseen), "{unseen:?}");
        }
        for seen in ['a', '0', '.', '-', '\0', '\u{301}'] {
            assert!(!is_unseen(seen), "{seen:?}");
        }
    }

    #[test]
    fn controls_are_of_lines_devices_or_the_direction_of_text() {
        assert!("\0\t\r\n\u{1b}\u{7f}\u{85}\u{2028}\u{2029}".chars().all(is_control));
        let direction = |c: &char| is_direction_control(*c);
        let all = ('\0'..=char::MAX).filter(direction).collect::<String>();
        let known =
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        assert_eq!(all, known);
        assert!(!"aא \u{200d}".chars().any(|c| is_control(c) || is_direction_control(c)));
    }

    #[test]
    fn dashes_and_dots_are_of_any_kind() {
        for dash in "-‐‑‒–—―−﹣－〜־᐀⸺ーｰ⁃─➖".chars() {
            assert!(is_dash(dash), "{dash:?}");
        }
        assert!(".·•。．｡・…‥۔।።꓿︒●".chars().all(is_dot));
        assert!(!"1a,:;!".chars().any(|c| is_dash(c) || is_dot(c)));
    }
}
