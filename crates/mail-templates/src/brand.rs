//! The brand of whoever runs Ping: what a mail shows of it, parsed and checked.
//!
//! The JSON form is that of `brand.json`:
//! `{"name":"Ping","site":"example.org","colour":"#2457d6","logo":{"url":"https://…","width":120},"footer":"…","support":"help@example.org"}`.
//! All but `name` may be missing.

use std::str::FromStr;

use ping_contract::address::EmailAddress;
use serde::{Deserialize, Serialize};

mod colour;
mod logo;

pub use self::colour::Colour;
pub use self::logo::{Logo, LogoUrl, LogoWidth, MAX_LOGO_URL};
use crate::characters::{is_hidden, is_refused};

/// The longest [`BrandName`] and the longest [`Site`], in characters: both may stand in a subject.
pub const MAX_NAME: usize = 64;

/// The longest [`Footer`], in characters.
pub const MAX_FOOTER: usize = 500;

/// What a mail shows of whoever runs Ping. Every field can only have a value that a mail can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// The name that users know.
    pub name: BrandName,
    /// The domain on which users enter the code. With it the text part ends with the line `@site #code`, from which Apple's
    /// Mail fills in the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
    /// The ground behind the name; `#2457d6` if it is not given.
    #[serde(default)]
    pub colour: Colour,
    /// A picture in place of the name at the top of the HTML part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
    /// A line at the end, such as a postal address. Shown in every language as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<Footer>,
    /// Where users get help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<SupportAddress>,
}

impl Brand {
    /// A brand that is a name alone.
    #[must_use]
    pub fn named(name: BrandName) -> Self {
        Self { name, site: None, colour: Colour::default(), logo: None, footer: None, support: None }
    }
}

/// Why a value cannot be part of a brand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BrandError {
    #[error("the name of a brand has 1 to 64 characters, without line breaks, control characters, @, < or >")]
    Name,
    #[error(
        "the site of a brand is a domain of at most 64 characters, such as example.org, without https://"
    )]
    Site,
    #[error("the colour of a brand is # and six hex digits, such as #2457d6")]
    Colour,
    #[error(
        "the logo's URL begins with https:// and has at most 300 characters, without spaces, quotes or brackets"
    )]
    LogoUrl,
    #[error("the logo's width is a number of pixels from 16 to 400")]
    LogoWidth,
    #[error("the footer of a brand has 1 to 500 characters in one line, without control characters")]
    Footer,
    #[error("the support address is an e-mail address such as help@example.org, without %, & or ?")]
    Support,
}

/// A text that was checked when it was made.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text, without white space around it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BrandError;

            fn from_str(text: &str) -> Result<Self, BrandError> {
                $check(text.trim()).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BrandError;

            fn try_from(text: String) -> Result<Self, BrandError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> Self {
                checked.0
            }
        }
    };
}

use checked_text;

checked_text! {
    /// 1 to [`MAX_NAME`] characters without line breaks, control characters, direction controls, `@`, `<` and `>`: it stands in
    /// headers, and must not pass for an address.
    BrandName, name
}

checked_text! {
    /// A domain with a dot, in ASCII (punycode) and lower case, at most [`MAX_NAME`] characters.
    Site, site
}

checked_text! {
    /// 1 to [`MAX_FOOTER`] characters in one line.
    Footer, footer
}

checked_text! {
    /// An e-mail address that stands in a `mailto:` link as it is.
    SupportAddress, support
}

fn name(text: &str) -> Result<String, BrandError> {
    let refused = |c: char| is_refused(c) || "@<>".contains(c);
    // Signs that look like an @ and are read as one by other keyboards.
    let looks_refused = |c: char| "＠﹫＜＞".contains(c);
    // A name may stand beside the code.
    let touches = text.starts_with(is_hidden) || text.ends_with(is_hidden);
    let length = text.chars().count();
    if length == 0 || length > MAX_NAME || touches || text.chars().any(|c| refused(c) || looks_refused(c)) {
        return Err(BrandError::Name);
    }
    Ok(text.to_owned())
}

fn site(text: &str) -> Result<String, BrandError> {
    // Before punycode is computed: its work must be bounded.
    if text.len() > 4 * MAX_NAME {
        return Err(BrandError::Site);
    }
    let domain = idna::domain_to_ascii_strict(text).map_err(|_| BrandError::Site)?;
    let is_domain = domain.contains('.')
        && !domain.ends_with('.')
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        // An IP address ends with a number, and no domain does.
        && !domain.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if is_domain && domain.len() <= MAX_NAME { Ok(domain) } else { Err(BrandError::Site) }
}

fn footer(text: &str) -> Result<String, BrandError> {
    let length = text.chars().count();
    if length == 0 || length > MAX_FOOTER || text.chars().any(is_refused) {
        return Err(BrandError::Footer);
    }
    Ok(text.to_owned())
}

fn support(text: &str) -> Result<String, BrandError> {
    let address = EmailAddress::parse(text).map_err(|_| BrandError::Support)?;
    // They would begin the fields of a link, or an escape in it.
    if address.as_str().contains(['%', '&', '?', '#', '"', '`']) {
        return Err(BrandError::Support);
    }
    Ok(address.as_str().to_owned())
}

#[cfg(test)]
mod tests;
