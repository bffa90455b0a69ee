//! Words and layouts together, and the mails that they make.

use std::{collections::BTreeMap, sync::LazyLock};

use minijinja::Value;

use crate::{
    brand::Brand,
    finding::Finding,
    language::{LanguageTag, choose},
    layout::{self, HTML, Layout, TEXT, Variables},
    words::{self, Filling, Words},
};

mod load;
mod samples;

/// What one mail is made of. There is no `Debug`: it would show the code.
pub struct Mail<'a> {
    /// The code, in ASCII digits.
    pub code: &'a str,
    /// How long the code is valid, in minutes.
    pub minutes: u32,
    /// Whose mail it is.
    pub brand: &'a Brand,
    /// The languages that the user wishes for, the dearest first; may be empty.
    pub wishes: &'a [LanguageTag],
    /// The language of a user whose wishes cannot be met. If there are no words in it either, it is English.
    pub default_language: &'a LanguageTag,
    /// Whether the subject shows the code. Mail programs then show mails with different codes apart, and notifications show
    /// the code; the first line of the mail shows it in notifications all the same.
    pub code_in_subject: bool,
}

/// A mail: both parts say the same. There is no `Debug`: it would show the code.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line of at most 120 characters.
    pub subject: String,
    /// The plain text, with `\n` at the end of each line.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// The language that was chosen: one of [`Templates::languages`].
    pub locale: LanguageTag,
    /// Whether an administrator's layout failed with these values, so that the shipped one was used. The checks make this
    /// unlikely; it is worth a warning and a count.
    pub fell_back: bool,
}

/// The words of all languages and the layouts of both parts. Made once, and shared: it does not change.
#[derive(Debug)]
pub struct Templates {
    languages: Vec<LanguageTag>,
    words: BTreeMap<LanguageTag, Words>,
    html: Part,
    text: Part,
}

/// The layouts of one part, in the order in which they are tried: an administrator's, ours.
#[derive(Debug)]
struct Part {
    layouts: Vec<Layout>,
}

impl Part {
    fn new(name: &'static str, own: Option<Layout>) -> Self {
        Self { layouts: own.into_iter().chain(Layout::shipped(name).ok()).collect() }
    }

    /// The part, and whether a layout before the one that made it failed. It is never empty: ours render with every brand,
    /// as tests show.
    fn render(&self, values: &Value) -> (String, bool) {
        let mut rendered = self.layouts.iter().map(|layout| layout.render(values)).enumerate();
        let rendered = rendered.find_map(|(place, part)| Some((part.ok()?, place > 0)));
        rendered.unwrap_or((String::new(), true))
    }

    /// The part as the first layout makes it.
    fn first(&self, values: &Value) -> Result<String, minijinja::Error> {
        self.layouts.first().map_or(Ok(String::new()), |layout| layout.render(values))
    }
}

/// The words and values of one mail.
struct Filled<'a> {
    language: &'a LanguageTag,
    subject: String,
    values: Value,
}

impl Templates {
    /// What is in this crate: twelve languages and our layouts.
    #[must_use]
    pub fn shipped() -> Self {
        Self::new(&words::Catalogues::new(), None, None)
    }

    /// Takes an administrator's files, by their names: any of `words.<tag>.json`, `code.html` and `code.txt`. What they do
    /// not have is as it is in [`Templates::shipped`]. They are checked: everything that is wrong comes back at once, and a
    /// mail of templates that were loaded can be sent.
    ///
    /// It takes some 40 ms: every language is rendered with every kind of brand.
    pub fn load(files: BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Finding>> {
        load::load(files)
    }

    fn new(own: &words::Catalogues, html: Option<Layout>, text: Option<Layout>) -> Self {
        let (shipped, _) = words::shipped();
        let words = words::merged(own, &shipped);
        let languages = words.keys().cloned().collect();
        Self { languages, words, html: Part::new(HTML, html), text: Part::new(TEXT, text) }
    }

    /// The languages that there are words in.
    #[must_use]
    pub fn languages(&self) -> &[LanguageTag] {
        &self.languages
    }

    /// Makes a mail. It cannot fail: where an administrator's layout does, the shipped one is used.
    #[must_use]
    pub fn render(&self, mail: &Mail<'_>) -> Rendered {
        let Filled { language, subject, values } = self.fill(mail);
        let (html, html_fell_back) = self.html.render(&values);
        let (text, text_fell_back) = self.text.render(&values);
        Rendered {
            subject,
            text: text.trim().to_owned() + "\n",
            html,
            locale: language.clone(),
            fell_back: html_fell_back || text_fell_back,
        }
    }

    fn fill(&self, mail: &Mail<'_>) -> Filled<'_> {
        let language = self.choose(mail);
        let name = mail.brand.name.as_str();
        let site = mail.brand.site.as_ref().map_or(name, |site| site.as_str());
        let filling = Filling { code: mail.code, minutes: mail.minutes, brand: name, site };
        let words = self.words.get(language).map(|words| words.fill(&filling, mail.code_in_subject));
        let words = words.unwrap_or_default(); // never: every language has words
        let variables =
            Variables { code: mail.code, minutes: mail.minutes, language, brand: mail.brand, words: &words };
        let values = layout::values(&variables);
        Filled { language, subject: words.subject, values }
    }

    fn choose(&self, mail: &Mail<'_>) -> &LanguageTag {
        static ENGLISH: LazyLock<LanguageTag> = LazyLock::new(LanguageTag::english);
        let default = choose(std::slice::from_ref(mail.default_language), &self.languages, &ENGLISH);
        choose(mail.wishes, &self.languages, default)
    }
}

#[cfg(test)]
mod tests;
