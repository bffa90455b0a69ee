//! A colour, and the colour of a text that can be read on it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::BrandError;

/// The contrast that WCAG 2 (1.4.3) asks of a text.
const READABLE: f64 = 4.5;

/// Texts on a colour, the first readable one is taken. Mail programs that invert colours treat pure black and white worse, so
/// these are for grounds between the two.
const TEXTS: [Colour; 4] =
    [Colour([252, 252, 253]), Colour([16, 18, 24]), Colour([255, 255, 255]), Colour([0, 0, 0])];

/// A colour in sRGB: red, green and blue. Written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour([u8; 3]);

impl Colour {
    /// The colour of a text on this one: light where that can be read, else dark. The contrast is at least 4.5 : 1.
    #[must_use]
    pub fn of_text(self) -> Self {
        let readable = TEXTS.into_iter().find(|text| self.contrast(*text) >= READABLE);
        readable.unwrap_or(TEXTS[3]) // never: where white has less than 4.5, black has more
    }

    /// WCAG's contrast ratio, 1 to 21.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl Default for Colour {
    fn default() -> Self {
        Self([0x24, 0x57, 0xd6])
    }
}

impl FromStr for Colour {
    type Err = BrandError;

    fn from_str(text: &str) -> Result<Self, BrandError> {
        let digits = text.strip_prefix('#').ok_or(BrandError::Colour)?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BrandError::Colour);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| BrandError::Colour)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl TryFrom<String> for Colour {
    type Error = BrandError;

    fn try_from(text: String) -> Result<Self, BrandError> {
        text.parse()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, READABLE};
    use crate::brand::BrandError;

    #[test]
    fn a_text_on_any_colour_can_be_read() {
        for red in (0..=255).step_by(5) {
            for green in (0..=255).step_by(5) {
                for blue in (0..=255).step_by(15) {
                    let ground = Colour([red, green, blue]);
                    assert!(ground.contrast(ground.of_text()) >= READABLE, "{ground}");
                }
            }
        }
        for grey in 0..=255 {
            let ground = Colour([grey; 3]);
            assert!(ground.contrast(ground.of_text()) >= READABLE, "{ground}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let [black, white] = ["#000000", "#ffffff"].map(|text| text.parse::<Colour>().unwrap());
        assert!((black.contrast(white) - 21.0).abs() < 1e-9 && (white.contrast(white) - 1.0).abs() < 1e-9);
        // The grey that is known as the lightest one readable on white.
        let grey = "#767676".parse::<Colour>().unwrap();
        assert!((grey.contrast(white) - 4.54).abs() < 0.01);
    }

    #[test]
    fn a_colour_is_six_hex_digits_after_a_hash() {
        assert_eq!("#2457D6".parse::<Colour>().unwrap().to_string(), "#2457d6");
        for text in ["", "2457d6", "#2457d", "#2457d60", "#2457dg", "#+457d6", "blue", "#é457d"] {
            assert_eq!(text.parse::<Colour>(), Err(BrandError::Colour), "{text}");
        }
    }
}
