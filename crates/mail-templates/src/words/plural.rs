//! How long a code is valid, in the plural forms of a language.

use std::collections::BTreeSet;

use icu_plurals::{PluralCategory, PluralRules};

use super::phrase::Phrase;
use crate::language::LanguageTag;

/// The longest time for which plural forms must exist, in minutes: a day.
pub(crate) const MAX_MINUTES: u32 = 24 * 60;

/// A text in each plural form. `other` is always there.
#[derive(Debug, Clone)]
pub(crate) struct Validity {
    /// The language of the forms, which may be another than the mail's.
    language: LanguageTag,
    forms: Vec<(PluralCategory, Phrase)>,
    other: Phrase,
}

impl Validity {
    pub(crate) fn new(language: LanguageTag, forms: Vec<(PluralCategory, Phrase)>) -> Option<Self> {
        let (_, other) = forms.iter().find(|(category, _)| *category == PluralCategory::Other)?.clone();
        Some(Self { language, forms, other })
    }

    /// The text for a number of minutes.
    pub(crate) fn phrase(&self, minutes: u32) -> &Phrase {
        let wanted = category(&self.language, minutes);
        let form = self.forms.iter().find(|(category, _)| *category == wanted);
        form.map_or(&self.other, |(_, phrase)| phrase)
    }

    #[cfg(test)]
    pub(crate) fn forms(&self) -> impl Iterator<Item = &Phrase> {
        self.forms.iter().map(|(_, phrase)| phrase)
    }
}

/// CLDR's category of a number in a language.
fn category(language: &LanguageTag, number: u32) -> PluralCategory {
    // A language that CLDR does not know has one form.
    let rules = PluralRules::try_new_cardinal(language.id().into());
    rules.map_or(PluralCategory::Other, |rules| rules.category_for(number))
}

/// The forms that a language needs: `other`, and all that 1 to [`MAX_MINUTES`] minutes reach. CLDR's forms of fractions and
/// millions are not among them.
pub(crate) fn needed(language: &LanguageTag) -> BTreeSet<PluralCategory> {
    let rules = PluralRules::try_new_cardinal(language.id().into());
    let mut needed = BTreeSet::from([PluralCategory::Other]);
    if let Ok(rules) = rules {
        needed.extend((1..=MAX_MINUTES).map(|minutes| rules.category_for(minutes)));
    }
    needed
}

/// CLDR's name of a category, which is the key in files.
pub(crate) fn name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}
