use std::collections::BTreeMap;

use icu_plurals::PluralRules;

use super::{Catalogues, Filling, Key, Words, merged, read, shipped};
use crate::language::LanguageTag;

fn tag(text: &str) -> LanguageTag {
    text.parse().unwrap()
}

fn filling(minutes: u32) -> Filling<'static> {
    Filling { code: "482931", minutes, brand: "Ping", site: "example.org" }
}

fn shipped_words() -> BTreeMap<LanguageTag, Words> {
    merged(&Catalogues::new(), &shipped().0)
}

/// The findings of one file, shown.
fn findings(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    read(&format!("words.{name}.json"), &tag(name), text, &mut findings);
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn every_shipped_language_has_every_text() {
    let (catalogues, findings) = shipped();
    assert_eq!(findings, []);
    assert_eq!(catalogues.len(), 12);
    for (tag, catalogue) in &catalogues {
        assert_eq!(catalogue.phrases.len(), Key::ALL.len(), "{tag}");
        let forms = catalogue.validity.as_ref().unwrap().forms().count();
        let rules = PluralRules::try_new_cardinal(tag.id().into()).unwrap();
        assert_eq!(forms, rules.categories().count(), "{tag} has all forms of CLDR, those of millions too");
    }
}

#[test]
fn the_plural_form_is_that_of_cldr() {
    // For 1, 2, 5, 11, 21 and 60 minutes; by the rules of CLDR 47 for cardinals.
    for (language, expected) in [
        ("en", ["minute.", "minutes.", "minutes.", "minutes.", "minutes.", "minutes."]),
        ("de", ["Minute", "Minuten", "Minuten", "Minuten", "Minuten", "Minuten"]),
        ("fr", ["minute.", "minutes.", "minutes.", "minutes.", "minutes.", "minutes."]),
        ("es", ["minuto.", "minutos.", "minutos.", "minutos.", "minutos.", "minutos."]),
        ("it", ["minuto.", "minuti.", "minuti.", "minuti.", "minuti.", "minuti."]),
        ("pt-BR", ["minuto.", "minutos.", "minutos.", "minutos.", "minutos.", "minutos."]),
        ("nl", ["minuut", "minuten", "minuten", "minuten", "minuten", "minuten"]),
        ("pl", ["minutę.", "minuty.", "minut.", "minut.", "minut.", "minut."]),
        ("tr", ["dakika"; 6]),
        ("ar", ["دقيقة واحدة.", "دقيقتين.", "5 دقائق.", "11 دقيقة.", "21 دقيقة.", "60 دقيقة."]),
        ("ja", ["分"; 6]),
        ("zh-Hans", ["分钟"; 6]),
    ] {
        let words = &shipped_words()[&tag(language)];
        for (minutes, expected) in [1, 2, 5, 11, 21, 60].into_iter().zip(expected) {
            let text = words.fill(&filling(minutes), true).validity;
            let in_words = language == "ar" && minutes < 3;
            assert!(text.ends_with(expected) || text.contains(&format!("{minutes} {expected}")), "{text}");
            assert!(in_words || text.contains(&minutes.to_string()), "{text}");
        }
    }
}

#[test]
fn a_file_may_have_some_of_the_texts() {
    let (shipped, _) = shipped();
    let mut findings = Vec::new();
    let mut own = Catalogues::new();
    for (name, text) in [
        ("de", r#"{ "heading": "Hallo bei {brand}", "once": "Nur einmal." }"#),
        ("de-AT", r#"{ "heading": "Servus bei {brand}" }"#),
        ("sv", r#"{ "heading": "Logga in på {brand}" }"#),
        ("en", r#"{ "warning": "Beware." }"#),
    ] {
        own.insert(tag(name), read(&format!("words.{name}.json"), &tag(name), text, &mut findings));
    }
    assert_eq!(findings, []);
    let words = merged(&own, &shipped);
    let filled = |name: &str| words[&tag(name)].fill(&filling(1), false);

    assert_eq!(filled("de").heading, "Hallo bei Ping");
    assert_eq!(filled("de").validity, "Der Code ist 1 Minute gültig.");
    let austrian = filled("de-AT");
    assert_eq!(austrian.heading, "Servus bei Ping");
    assert_eq!(austrian.once, "Nur einmal.", "from the file of its parent");
    assert_eq!(austrian.subject, "Ihr Anmeldecode für Ping", "from the shipped words of its parent");
    let swedish = filled("sv");
    assert_eq!(swedish.heading, "Logga in på Ping");
    assert_eq!(swedish.warning, "Beware.", "English as the administrator has it");
    assert_eq!(
        swedish.validity, "The code is valid for 1 minute.",
        "in English, with the plural rules of English"
    );
    assert_eq!(words.len(), 14);
}

#[test]
fn a_wrong_file_is_refused_with_its_line() {
    for (text, expected) in [
        ("{\n\"heading\": \"a\",\n\"heading\" }", "words.de.json:3: it is not a JSON object"),
        ("[]", "words.de.json:1: it is not a JSON object"),
        ("{\n\n\"headline\": \"a\" }", "words.de.json:3: there is no key headline: the keys are subject,"),
        ("{\n\"intro\": 5 }", "words.de.json:2: intro is not a text"),
        ("{\n\"intro\": \"\" }", "words.de.json:2: intro: it is empty"),
        ("{\n\"intro\": \"a {password}\" }", "words.de.json:2: intro: there is no placeholder {password}"),
        (
            "{\n\"intro\": \"a\\nb\" }",
            "words.de.json:2: intro: it has the control or direction character U+000A",
        ),
        (
            "{ \"subject\": \"Your {brand} code\" }",
            "words.de.json:1: subject lacks {code}: write {code} into it",
        ),
        ("{ \"subject_without_code\": \"{code}\" }", "words.de.json:1: subject_without_code has {code}"),
        ("{ \"validity\": \"5\" }", "words.de.json:1: validity is not an object"),
        (
            "{ \"validity\": { \"other\": \"{minutes}\" } }",
            "words.de.json:1: validity lacks the plural form one",
        ),
        (
            "{ \"validity\": { \"one\": \"a\", \"other\": \"{minutes}\", \"some\": \"c\" } }",
            "words.de.json:1: validity: there is no plural form some",
        ),
        (
            "{ \"validity\": { \"one\": \"a\", \"other\": \"b\" } }",
            "words.de.json:1: validity: other lacks {minutes}: write {minutes} into it",
        ),
    ] {
        let findings = findings("de", text);
        assert!(findings.len() == 1 && findings[0].starts_with(expected), "{findings:?}");
    }
    let long = format!("{{ \"subject\": \"{{code}} {{brand}} {}\" }}", "a".repeat(50));
    assert!(findings("de", &long)[0].contains("gets 122 characters with the longest brand"));
}

#[test]
fn plural_forms_must_be_those_that_minutes_reach() {
    let only_other = r#"{ "validity": { "other": "{minutes}" } }"#;
    assert_eq!(findings("ja", only_other).len(), 0);
    assert_eq!(findings("pl", only_other).len(), 3, "one, few, many");
    assert_eq!(findings("ar", only_other).len(), 4, "one, two, few, many");
    // French has a form of millions, which no code lives for.
    assert_eq!(findings("fr", r#"{ "validity": { "one": "{minutes}", "other": "{minutes}" } }"#).len(), 0);
}
