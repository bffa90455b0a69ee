//! Reads catalogues: `words.<tag>.json` of an administrator, and the shipped ones.

use std::sync::Arc;

use icu_plurals::PluralCategory;
use serde_json::{Map, Value};

use super::{
    Catalogue, Catalogues, Key,
    phrase::{Filling, MAX_PHRASE, Phrase, Placeholder},
    plural::{self, Validity},
};
use crate::{
    brand::MAX_NAME,
    finding::{Finding, line_of},
    language::LanguageTag,
};

/// The longest subject, in characters.
pub(crate) const MAX_SUBJECT: usize = 120;

/// The key of the text with plural forms.
const VALIDITY: &str = "validity";

const SHIPPED: [(&str, &str); 12] = [
    ("ar", include_str!("../../locales/ar.json")),
    ("de", include_str!("../../locales/de.json")),
    ("en", include_str!("../../locales/en.json")),
    ("es", include_str!("../../locales/es.json")),
    ("fr", include_str!("../../locales/fr.json")),
    ("it", include_str!("../../locales/it.json")),
    ("ja", include_str!("../../locales/ja.json")),
    ("nl", include_str!("../../locales/nl.json")),
    ("pl", include_str!("../../locales/pl.json")),
    ("pt-BR", include_str!("../../locales/pt-BR.json")),
    ("tr", include_str!("../../locales/tr.json")),
    ("zh-Hans", include_str!("../../locales/zh-Hans.json")),
];

/// The shipped catalogues. A test shows that none has a finding.
pub(crate) fn shipped() -> (Catalogues, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut catalogues = Catalogues::new();
    for (name, text) in SHIPPED {
        if let Ok(tag) = name.parse::<LanguageTag>() {
            let catalogue = read(&format!("words.{name}.json"), &tag, text, &mut findings);
            catalogues.insert(tag, catalogue);
        }
    }
    (catalogues, findings)
}

/// Reads a file with the words of the language `tag`. What is wrong with it goes into `findings`.
pub(crate) fn read(file: &str, tag: &LanguageTag, text: &str, findings: &mut Vec<Finding>) -> Catalogue {
    let mut reader = Reader { file, text, findings };
    let mut catalogue = Catalogue::default();
    for (key, value) in reader.object() {
        if key == VALIDITY {
            catalogue.validity = reader.validity(tag, &value).map(Arc::new);
        } else if let Some(key) = Key::ALL.into_iter().find(|known| known.name() == key) {
            let phrase = reader.phrase(key.name(), &value);
            catalogue
                .phrases
                .extend(phrase.filter(|phrase| reader.fits(key, phrase)).map(|phrase| (key, phrase)));
        } else {
            let known = Key::ALL.map(Key::name).join(", ");
            reader.find(
                &key,
                format!("there is no key {key}"),
                format!("the keys are {known} and {VALIDITY}"),
            );
        }
    }
    catalogue
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn find(&mut self, key: &str, problem: String, fix: impl Into<String>) {
        let line = line_of(self.text, &format!("\"{key}\""));
        self.findings.push(Finding::new(self.file, line, problem, fix));
    }

    fn object(&mut self) -> Map<String, Value> {
        match serde_json::from_str::<Map<String, Value>>(self.text) {
            Ok(object) => object,
            Err(error) => {
                let line = u32::try_from(error.line()).ok().filter(|line| *line > 0);
                let problem = format!("it is not a JSON object ({error})");
                let fix = "write texts as {\"subject\": \"…\", …}, with a comma between two of them";
                self.findings.push(Finding::new(self.file, line, problem, fix));
                Map::new()
            }
        }
    }

    fn phrase(&mut self, key: &str, value: &Value) -> Option<Phrase> {
        let Value::String(text) = value else {
            self.find(key, format!("{key} is not a text"), "write it in double quotes");
            return None;
        };
        Phrase::parse(text)
            .map_err(|error| {
                let fix = format!(
                    "write 1 to {MAX_PHRASE} visible characters in one line; the placeholders are {}",
                    Placeholder::NAMES
                );
                self.find(key, format!("{key}: {error}"), fix);
            })
            .ok()
    }

    /// The rules for subjects.
    fn fits(&mut self, key: Key, phrase: &Phrase) -> bool {
        let has_code = phrase.mentions(Placeholder::Code);
        if key == Key::Subject && !has_code {
            let fix = "write {code} into it; codeInSubject: false takes subject_without_code instead";
            self.find(key.name(), "subject lacks {code}".to_owned(), fix);
            return false;
        }
        if key == Key::SubjectWithoutCode && has_code {
            self.find(key.name(), "subject_without_code has {code}".to_owned(), "leave {code} out of it");
            return false;
        }
        if matches!(key, Key::Subject | Key::SubjectWithoutCode) {
            let longest = "W".repeat(MAX_NAME);
            let filling = Filling { code: "000000", minutes: 1000, brand: &longest, site: &longest };
            let length = phrase.fill(&filling).chars().count();
            if length > MAX_SUBJECT {
                let problem = format!("{} gets {length} characters with the longest brand", key.name());
                self.find(key.name(), problem, format!("shorten it: subjects have at most {MAX_SUBJECT}"));
                return false;
            }
        }
        true
    }

    fn validity(&mut self, tag: &LanguageTag, value: &Value) -> Option<Validity> {
        let needed = plural::needed(tag);
        let names = needed.iter().map(|category| plural::name(*category)).collect::<Vec<_>>().join(", ");
        let Value::Object(object) = value else {
            let fix = format!("write an object with the plural forms {names}");
            self.find(VALIDITY, "validity is not an object".to_owned(), fix);
            return None;
        };
        let mut forms = Vec::new();
        for (name, value) in object {
            let Some(category) = PluralCategory::get_for_cldr_string(name) else {
                let problem = format!("validity: there is no plural form {name}");
                self.find(name, problem, format!("{tag} has the forms {names}"));
                continue;
            };
            let Some(phrase) = self.phrase(name, value) else { continue };
            if stands_for_several(category) && !phrase.mentions(Placeholder::Minutes) {
                let fix = "write {minutes} into it: the form stands for several numbers";
                self.find(name, format!("validity: {name} lacks {{minutes}}"), fix);
            }
            forms.push((category, phrase));
        }
        let lacks = |category: &&PluralCategory| !object.contains_key(plural::name(**category));
        for missing in needed.iter().filter(lacks).map(|category| plural::name(*category)) {
            let problem = format!("validity lacks the plural form {missing}");
            self.find(VALIDITY, problem, format!("add \"{missing}\": {tag} has the forms {names}"));
        }
        Validity::new(tag.clone(), forms)
    }
}

fn stands_for_several(category: PluralCategory) -> bool {
    matches!(category, PluralCategory::Few | PluralCategory::Many | PluralCategory::Other)
}
