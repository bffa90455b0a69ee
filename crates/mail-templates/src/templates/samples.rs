//! Values with which templates are tried before they are used.

use crate::brand::{Brand, BrandError, Colour, Logo};

/// A code that no layout has by accident, as a colour or in a telephone number.
pub(super) const CODE: &str = "739164";

/// One number for each plural form that CLDR has.
pub(super) const MINUTES: [u32; 7] = [5, 1, 2, 11, 21, 60, 100];

/// A brand with the longest and strangest value in each field, one that is a name alone, and one written from right to left.
pub(super) fn brands() -> Result<Vec<Brand>, BrandError> {
    let name = format!("\"P\" & 'S' {{code}} {{{{ code }}}} {{% x %}} {}", "W".repeat(28));
    let site = format!("{}.example", "s".repeat(56));
    let footer = "</table><script>alert('1')</script>{{ code }}&amp;\"".repeat(10);
    let logo = format!("https://example.org/logo.png?a=1&b={}", "l".repeat(265));
    let support =
        format!("o'neil+{}@{}.example", "h".repeat(57), format!("{}.", "d".repeat(60)).repeat(2) + "example");
    let longest = Brand {
        name: name.parse()?,
        site: Some(site.parse()?),
        colour: "#ffd400".parse::<Colour>()?,
        logo: Some(Logo { url: logo.parse()?, width: 400.try_into()? }),
        footer: Some(footer.chars().take(500).collect::<String>().parse()?),
        support: Some(support.parse()?),
    };
    let least = Brand::named("P".parse()?);
    let right_to_left = Brand {
        site: Some("example.org".parse()?),
        support: Some("help@example.org".parse()?),
        ..Brand::named("مرحبًا".parse()?)
    };
    Ok(vec![longest, least, right_to_left])
}
