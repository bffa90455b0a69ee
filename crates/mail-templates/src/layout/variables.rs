//! The variables of a layout.

use std::collections::BTreeMap;

use minijinja::Value;

use crate::{
    brand::{Brand, Footer, Site, SupportAddress},
    language::LanguageTag,
    words::FilledWords,
};

/// All names that a layout may use. `brand.…` but the name and the colours may be empty, and are tested with `if`.
pub(super) const NAMES: [&str; 20] = [
    "code",
    "minutes",
    "lang",
    "dir",
    "brand.name",
    "brand.site",
    "brand.colour",
    "brand.text_colour",
    "brand.logo",
    "brand.logo.url",
    "brand.logo.width",
    "brand.footer",
    "brand.support",
    "words.preheader",
    "words.heading",
    "words.intro",
    "words.validity",
    "words.once",
    "words.warning",
    "words.footer",
];

/// What the variables of one mail are made of.
pub(crate) struct Variables<'a> {
    pub(crate) code: &'a str,
    pub(crate) minutes: u32,
    pub(crate) language: &'a LanguageTag,
    pub(crate) brand: &'a Brand,
    pub(crate) words: &'a FilledWords,
}

type Map = BTreeMap<&'static str, Value>;

/// The values by [`NAMES`].
pub(crate) fn values(variables: &Variables<'_>) -> Value {
    let language = variables.language;
    Value::from(Map::from([
        ("code", Value::from(variables.code)),
        ("minutes", Value::from(variables.minutes)),
        ("lang", Value::from(language.to_string())),
        ("dir", Value::from(if language.is_right_to_left() { "rtl" } else { "ltr" })),
        ("brand", brand(variables.brand)),
        ("words", words(variables.words)),
    ]))
}

fn brand(brand: &Brand) -> Value {
    // Strict: a name without a value is an error, so what the brand lacks is the empty text.
    let text = |text: Option<&str>| Value::from(text.unwrap_or_default());
    let logo = brand.logo.as_ref().map_or_else(
        || Value::from(""),
        |logo| {
            let width = u16::from(logo.width);
            Value::from(Map::from([("url", Value::from(logo.url.as_str())), ("width", Value::from(width))]))
        },
    );
    Value::from(Map::from([
        ("name", Value::from(brand.name.as_str())),
        ("site", text(brand.site.as_ref().map(Site::as_str))),
        ("colour", Value::from(brand.colour.to_string())),
        ("text_colour", Value::from(brand.colour.of_text().to_string())),
        ("logo", logo),
        ("footer", text(brand.footer.as_ref().map(Footer::as_str))),
        ("support", text(brand.support.as_ref().map(SupportAddress::as_str))),
    ]))
}

fn words(words: &FilledWords) -> Value {
    Value::from(Map::from([
        ("preheader", Value::from(words.preheader.as_str())),
        ("heading", Value::from(words.heading.as_str())),
        ("intro", Value::from(words.intro.as_str())),
        ("validity", Value::from(words.validity.as_str())),
        ("once", Value::from(words.once.as_str())),
        ("warning", Value::from(words.warning.as_str())),
        ("footer", Value::from(words.footer.as_str())),
    ]))
}
