//! Languages: their tags, and which of the languages that exist a user gets.

use std::{cmp::Ordering, fmt, str::FromStr};

use icu_locale::{
    LanguageIdentifier, Locale, LocaleCanonicalizer, LocaleDirectionality, LocaleExpander, LocaleFallbacker,
    fallback::LocaleFallbackConfig,
};
use ping_contract::locale::{MAX_TAG, Wishes};
use serde::{Deserialize, Serialize};

/// A language as BCP 47 names it, such as `de`, `pt-BR` or `zh-Hans`, in canonical form (`iw` becomes `he`). Extensions
/// (`-u-…`, `-x-…`) are read and dropped, since no words depend on them.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageTag {
    id: LanguageIdentifier,
    /// Without what the rest implies: `pt-BR` and `pt` are both `pt`, `zh-Hans-CN` and `zh-Hans` both `zh`.
    least: LanguageIdentifier,
}

/// Why a text is not a language tag. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    #[error(
        "a language tag has at most 35 characters: write a language and perhaps a region, such as de or pt-BR"
    )]
    TooLong,
    #[error(
        "it is not a language tag as BCP 47 defines them: write a language and perhaps a region, such as de or pt-BR"
    )]
    Malformed,
}

impl LanguageTag {
    /// English, whose words stand in where a language lacks some.
    #[must_use]
    pub fn english() -> Self {
        Self::from(icu_locale::langid!("en"))
    }

    /// Whether the language is written from right to left.
    #[must_use]
    pub fn is_right_to_left(&self) -> bool {
        LocaleDirectionality::new_common().is_right_to_left(&self.id)
    }

    pub(crate) fn id(&self) -> &LanguageIdentifier {
        &self.id
    }

    /// Whether both name the same language, one of them perhaps with more detail than needed.
    fn matches(&self, other: &Self) -> bool {
        self.least == other.least
    }

    /// The tag, then its parents as CLDR has them, the nearest first: `de-AT`, `de`; `es-MX`, `es-419`, `es`; `zh-TW`,
    /// `zh-Hant`, and not `zh`, which is written in another script.
    pub(crate) fn with_parents(&self) -> Vec<Self> {
        let mut tags = vec![self.clone()];
        let mut parents = LocaleFallbacker::new()
            .for_config(LocaleFallbackConfig::default())
            .fallback_for((&self.id).into());
        while !parents.get().is_unknown() {
            let parent = parents.get();
            tags.push(Self::from(LanguageIdentifier::from((parent.language, parent.script, parent.region))));
            parents.step();
        }
        tags
    }
}

/// The languages that a login wishes for, the best one first. What CLDR cannot read is left out.
#[must_use]
pub fn of_wishes(wishes: &Wishes) -> Vec<LanguageTag> {
    wishes.tags().filter_map(|tag| tag.parse().ok()).collect()
}

impl From<LanguageIdentifier> for LanguageTag {
    fn from(id: LanguageIdentifier) -> Self {
        let mut least = id.clone();
        // The unknown language would become English here.
        if !id.language.is_unknown() {
            LocaleExpander::new_common().minimize(&mut least);
        }
        Self { id, least }
    }
}

impl FromStr for LanguageTag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        if text.len() > MAX_TAG {
            return Err(TagError::TooLong);
        }
        if !is_well_formed(text) {
            return Err(TagError::Malformed);
        }
        let mut locale = longest_known(text).ok_or(TagError::Malformed)?;
        LocaleCanonicalizer::new_common().canonicalize(&mut locale);
        Ok(Self::from(locale.id))
    }
}

/// Subtags of one to eight ASCII letters and digits, the first of letters, the last of two or more (RFC 5646, 2.1).
fn is_well_formed(text: &str) -> bool {
    let is_subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = text.split('-').next().unwrap_or_default();
    let last = text.rsplit('-').next().unwrap_or_default();
    text.split('-').all(is_subtag) && first.bytes().all(|byte| byte.is_ascii_alphabetic()) && last.len() > 1
}

/// What ICU reads of a well-formed tag: it knows no extended languages (`zh-yue`), whose first subtag stands for them.
fn longest_known(text: &str) -> Option<Locale> {
    let mut text = text;
    loop {
        if let Ok(locale) = Locale::try_from_str(text) {
            return Some(locale);
        }
        (text, _) = text.rsplit_once('-')?;
    }
}

impl fmt::Display for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl fmt::Debug for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl Ord for LanguageTag {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.total_cmp(&other.id)
    }
}

impl PartialOrd for LanguageTag {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> Self {
        tag.to_string()
    }
}

/// The language of `available` for a user who wishes for `wishes`, the dearest first; `default` if there is none.
///
/// It is the lookup of RFC 4647 (3.4), with the parents of CLDR in place of cut tags: a wish is followed up to its language
/// before the next wish counts, and never into another script.
#[must_use]
pub fn choose<'a>(
    wishes: &[LanguageTag],
    available: &'a [LanguageTag],
    default: &'a LanguageTag,
) -> &'a LanguageTag {
    wishes.iter().find_map(|wish| lookup(wish, available)).unwrap_or(default)
}

/// The nearest of `available` among `wish` and its parents.
pub(crate) fn lookup<'a>(wish: &LanguageTag, available: &'a [LanguageTag]) -> Option<&'a LanguageTag> {
    wish.with_parents().iter().find_map(|tag| {
        let exact = available.iter().find(|candidate| *candidate == tag);
        exact.or_else(|| available.iter().find(|candidate| candidate.matches(tag)))
    })
}

#[cfg(test)]
mod tests;
