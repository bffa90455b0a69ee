//! The languages that a user would like a mail in: what a login may say about them, and the form in which `mail-service` gets it.
//!
//! They are wishes. Whether there are words in one of these languages is for `mail-service` to find out.

use std::{cmp::Reverse, fmt};

/// The longest tag, in characters: what RFC 5646 (4.4.1) asks every implementation to take.
pub const MAX_TAG: usize = 35;

/// The most languages that are passed on for one mail.
pub const MAX_WISHES: usize = 5;

/// How much of a list is read, in octets. Browsers send less than 100.
const MAX_LIST_OCTETS: usize = 200;

/// A language tag in the form of BCP 47, such as `de`, `de-AT` or `zh-Hant-TW`, as it was written.
///
/// It begins with a language of two to eight letters. Tags that begin with `x-` or `i-` are left out, because nobody has words
/// for them. No registry is asked: `xx` is a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageTag(String);

/// A text is no language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not one language tag such as de-AT, with at most 35 letters, digits and hyphens")]
pub struct NoLanguageTag;

impl LanguageTag {
    /// Reads one tag. Nothing may stand around it.
    pub fn parse(text: &str) -> Result<Self, NoLanguageTag> {
        let mut subtags = text.split('-');
        let language = subtags.next().unwrap_or_default();
        let is_language =
            (2..=8).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
        let mut last = language;
        let well_formed = subtags.all(|subtag| {
            last = subtag;
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        // A single letter or digit announces an extension.
        if text.len() > MAX_TAG || !is_language || !well_formed || last.len() < 2 {
            return Err(NoLanguageTag);
        }
        Ok(Self(text.to_owned()))
    }
}

/// At most [`MAX_WISHES`] languages, the best one first. `Display` and [`Wishes::parse`] are the form of
/// [`crate::event::LOCALES_HEADER`]: `de-AT,de,en`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes(Vec<LanguageTag>);

impl Wishes {
    /// The wishes of one request: the language that it names before those of its lines of `Accept-Language` (RFC 9110,
    /// 12.5.4), by their weight. What is no language tag there is ignored, and so is what stands after 200 octets.
    #[must_use]
    pub fn of_request<'a>(
        named: Option<LanguageTag>,
        accept_language: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let list = beginning(accept_language);
        let mut accepted = list.split(|b| *b == b',').filter_map(Accepted::parse).collect::<Vec<_>>();
        accepted.sort_by_key(|accepted| Reverse(accepted.weight)); // stable: of equal weight, the first one counts
        Self::best(named.into_iter().chain(accepted.into_iter().map(|accepted| accepted.tag)))
    }

    /// Reads the form that `Display` writes. Anything else in it is ignored, as in `Accept-Language`.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        let list = beginning([list.as_bytes()]);
        let tags = list.split(|b| *b == b',').filter_map(|tag| std::str::from_utf8(tag).ok());
        Self::best(tags.filter_map(|tag| LanguageTag::parse(tag).ok()))
    }

    /// The tags, the best one first.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|tag| tag.0.as_str())
    }

    /// Whether nothing is wished for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn best(tags: impl Iterator<Item = LanguageTag>) -> Self {
        let mut best = Vec::<LanguageTag>::new();
        for tag in tags {
            if best.len() < MAX_WISHES && !best.iter().any(|known| known.0.eq_ignore_ascii_case(&tag.0)) {
                best.push(tag);
            }
        }
        Self(best)
    }
}

impl fmt::Display for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, tag) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}", tag.0)?;
        }
        Ok(())
    }
}

/// One element of `Accept-Language`, wanted.
struct Accepted {
    tag: LanguageTag,
    /// In thousandths.
    weight: u16,
}

impl Accepted {
    /// `None` for what is no tag, for `*`, and for what is not wanted (`q=0`).
    fn parse(element: &[u8]) -> Option<Self> {
        let element = std::str::from_utf8(element).ok()?;
        let (tag, weight) = match element.split_once(';') {
            Some((tag, parameter)) => (tag, weight(parameter.trim())?),
            None => (element, 1000),
        };
        let tag = LanguageTag::parse(tag.trim()).ok()?;
        (weight > 0).then_some(Self { tag, weight })
    }
}

/// `q=0.8` in thousandths: at most three digits after the point, and nothing above 1 (RFC 9110, 12.4.2).
fn weight(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if !matches!(whole, "0" | "1") || fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{whole}{fraction:0<3}").parse::<u16>().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

/// The first 200 octets of a list that may have several lines, without an element that they cut.
fn beginning<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut list = Vec::new();
    for line in lines {
        if !list.is_empty() {
            list.push(b',');
        }
        list.extend(line.iter().take(MAX_LIST_OCTETS + 1));
        if list.len() > MAX_LIST_OCTETS {
            list.truncate(MAX_LIST_OCTETS + 1);
            let end = list.iter().rposition(|b| *b == b',').unwrap_or(0);
            list.truncate(end);
            break;
        }
    }
    list
}

#[cfg(test)]
mod tests;
