//! The words of a mail, in each language.

use std::{collections::BTreeMap, sync::Arc};

mod file;
mod phrase;
mod plural;

pub(crate) use self::file::{read, shipped};
pub(crate) use self::phrase::{Filling, Phrase};
pub(crate) use self::plural::Validity;
use crate::language::LanguageTag;

/// A text of the mail with the key that files give it. `validity`, which has plural forms, is apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Subject,
    SubjectWithoutCode,
    Preheader,
    Heading,
    Intro,
    Once,
    Warning,
    Footer,
}

impl Key {
    pub(crate) const ALL: [Self; 8] = [
        Self::Subject,
        Self::SubjectWithoutCode,
        Self::Preheader,
        Self::Heading,
        Self::Intro,
        Self::Once,
        Self::Warning,
        Self::Footer,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::SubjectWithoutCode => "subject_without_code",
            Self::Preheader => "preheader",
            Self::Heading => "heading",
            Self::Intro => "intro",
            Self::Once => "once",
            Self::Warning => "warning",
            Self::Footer => "footer",
        }
    }
}

/// What one file says: any of the texts, in one language.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    phrases: BTreeMap<Key, Phrase>,
    validity: Option<Arc<Validity>>,
}

/// Catalogues by their language.
pub(crate) type Catalogues = BTreeMap<LanguageTag, Catalogue>;

/// All texts of one language, some of them perhaps another language's.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    phrases: BTreeMap<Key, Phrase>,
    validity: Option<Arc<Validity>>,
}

/// The texts of one mail.
#[derive(Default)]
pub(crate) struct FilledWords {
    pub(crate) subject: String,
    pub(crate) preheader: String,
    pub(crate) heading: String,
    pub(crate) intro: String,
    pub(crate) validity: String,
    pub(crate) once: String,
    pub(crate) warning: String,
    pub(crate) footer: String,
}

impl Words {
    /// The words for `tag`: each text is from the first that has it of the language itself and its parents (an
    /// administrator's file before ours), and English.
    fn of(tag: &LanguageTag, own: &Catalogues, shipped: &Catalogues) -> Self {
        let mut layers = Vec::new();
        for wanted in [tag, &LanguageTag::english()] {
            for link in wanted.with_parents() {
                layers.extend([own, shipped].into_iter().filter_map(|catalogues| catalogues.get(&link)));
            }
            layers.extend(crate::language::lookup(wanted, &tags(shipped)).and_then(|near| shipped.get(near)));
        }
        let phrases = Key::ALL.into_iter().filter_map(|key| {
            let phrase = layers.iter().find_map(|layer| layer.phrases.get(&key))?;
            Some((key, phrase.clone()))
        });
        let validity = layers.iter().find_map(|layer| layer.validity.clone());
        Self { phrases: phrases.collect(), validity }
    }

    /// Writes the values into all texts.
    pub(crate) fn fill(&self, filling: &Filling<'_>, code_in_subject: bool) -> FilledWords {
        // English has every text, as a test shows: none is empty.
        let text = |key| self.phrases.get(&key).map(|phrase| phrase.fill(filling)).unwrap_or_default();
        let validity = self.validity.as_ref().map(|validity| validity.phrase(filling.minutes).fill(filling));
        FilledWords {
            subject: text(if code_in_subject { Key::Subject } else { Key::SubjectWithoutCode }),
            preheader: text(Key::Preheader),
            heading: text(Key::Heading),
            intro: text(Key::Intro),
            validity: validity.unwrap_or_default(),
            once: text(Key::Once),
            warning: text(Key::Warning),
            footer: text(Key::Footer),
        }
    }
}

/// The words of every language of `own` and `shipped`.
pub(crate) fn merged(own: &Catalogues, shipped: &Catalogues) -> BTreeMap<LanguageTag, Words> {
    own.keys().chain(shipped.keys()).map(|tag| (tag.clone(), Words::of(tag, own, shipped))).collect()
}

fn tags(catalogues: &Catalogues) -> Vec<LanguageTag> {
    catalogues.keys().cloned().collect()
}

#[cfg(test)]
mod tests;
