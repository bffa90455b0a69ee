//! The picture at the top of a mail. It is shown by its address; nothing of Ping ever asks for it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BrandError, checked_text};

/// The longest address of a logo, in characters.
pub const MAX_LOGO_URL: usize = 300;

/// A picture and how wide it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logo {
    /// Where the picture is.
    pub url: LogoUrl,
    /// How wide it is shown; its height follows.
    pub width: LogoWidth,
}

checked_text! {
    /// An `https://` URL of at most [`MAX_LOGO_URL`] characters.
    LogoUrl, logo_url
}

fn logo_url(text: &str) -> Result<String, BrandError> {
    let rest = text.strip_prefix("https://").ok_or(BrandError::LogoUrl)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // No user name, no IPv6 literal; a port may follow.
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
        && host.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let is_url = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte);
    if text.len() > MAX_LOGO_URL || !is_host || !text.bytes().all(is_url) {
        return Err(BrandError::LogoUrl);
    }
    Ok(text.to_owned())
}

/// 16 to 400 CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct LogoWidth(u16);

impl TryFrom<u16> for LogoWidth {
    type Error = BrandError;

    fn try_from(pixels: u16) -> Result<Self, BrandError> {
        if (16..=400).contains(&pixels) { Ok(Self(pixels)) } else { Err(BrandError::LogoWidth) }
    }
}

impl From<LogoWidth> for u16 {
    fn from(width: LogoWidth) -> Self {
        width.0
    }
}
