//! A text with places for values.

use crate::characters::{is_hidden, is_refused};

/// The longest text of a catalogue, in characters.
pub(crate) const MAX_PHRASE: usize = 1000;

/// What is filled into the places.
pub(crate) struct Filling<'a> {
    pub(crate) code: &'a str,
    pub(crate) minutes: u32,
    pub(crate) brand: &'a str,
    /// The brand's site, or its name where it has none.
    pub(crate) site: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placeholder {
    Code,
    Minutes,
    Brand,
    Site,
}

impl Placeholder {
    pub(crate) const NAMES: &'static str = "{code}, {minutes}, {brand} and {site}";

    fn named(name: &str) -> Option<Self> {
        match name {
            "code" => Some(Self::Code),
            "minutes" => Some(Self::Minutes),
            "brand" => Some(Self::Brand),
            "site" => Some(Self::Site),
            _ => None,
        }
    }
}

/// A text in pieces. Values are written into it once, and never read again: a brand called `{code}` stays that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

/// Why a text cannot be part of a mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PhraseError {
    #[error("it is empty")]
    Blank,
    #[error("it has more than 1,000 characters")]
    TooLong,
    #[error("it has the control or direction character U+{:04X}", u32::from(*.0))]
    Character(char),
    #[error("it has the invisible character U+{:04X} beside {{code}}", u32::from(*.0))]
    BesideCode(char),
    #[error("there is no placeholder {{{0}}}")]
    Placeholder(String),
}

impl Phrase {
    /// Reads a text. A name in single braces is a placeholder; what is in double braces is shown as it is.
    pub(crate) fn parse(text: &str) -> Result<Self, PhraseError> {
        if text.trim().is_empty() {
            return Err(PhraseError::Blank);
        }
        if text.chars().count() > MAX_PHRASE {
            return Err(PhraseError::TooLong);
        }
        if let Some(refused) = text.chars().find(|c| is_refused(*c)) {
            return Err(PhraseError::Character(refused));
        }
        let phrase = Self(pieces(text)?);
        phrase.hidden_beside_code().map_or(Ok(phrase), |hidden| Err(PhraseError::BesideCode(hidden)))
    }

    fn hidden_beside_code(&self) -> Option<char> {
        let is_code = |piece: &Piece| *piece == Piece::Placeholder(Placeholder::Code);
        self.0.windows(2).find_map(|pair| match pair {
            [Piece::Text(before), code] if is_code(code) => {
                before.chars().next_back().filter(|c| is_hidden(*c))
            }
            [code, Piece::Text(after)] if is_code(code) => after.chars().next().filter(|c| is_hidden(*c)),
            _ => None,
        })
    }

    pub(crate) fn mentions(&self, placeholder: Placeholder) -> bool {
        self.0.contains(&Piece::Placeholder(placeholder))
    }

    pub(crate) fn fill(&self, filling: &Filling<'_>) -> String {
        let mut filled = String::with_capacity(128);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Placeholder(Placeholder::Code) => filled.push_str(filling.code),
                Piece::Placeholder(Placeholder::Minutes) => filled.push_str(&filling.minutes.to_string()),
                Piece::Placeholder(Placeholder::Brand) => filled.push_str(filling.brand),
                Piece::Placeholder(Placeholder::Site) => filled.push_str(filling.site),
            }
        }
        filled
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, PhraseError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, brace) = rest.split_at(at);
        literal.push_str(before);
        let inside = brace[1..].split(['{', '}']).next().unwrap_or_default();
        let closed = brace[1 + inside.len()..].starts_with('}');
        if brace.starts_with("{{") || !closed {
            let end = brace.find("}}").map_or(1, |end| end + 2);
            let end = if brace.starts_with("{{") { end } else { 1 };
            literal.push_str(&brace[..end]);
            rest = &brace[end..];
            continue;
        }
        let placeholder = Placeholder::named(inside);
        let placeholder = placeholder.ok_or_else(|| PhraseError::Placeholder(inside.to_owned()))?;
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Placeholder(placeholder));
        rest = &brace[inside.len() + 2..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::{Filling, Phrase, PhraseError};

    const FILLING: Filling<'_> = Filling { code: "482931", minutes: 5, brand: "{code}", site: "example.org" };

    #[test]
    fn values_are_written_in_once() {
        let phrase = Phrase::parse("{code} for {brand} at {site}, {minutes} min").unwrap();
        assert_eq!(phrase.fill(&FILLING), "482931 for {code} at example.org, 5 min");
    }

    #[test]
    fn double_braces_and_tags_are_shown_as_they_are() {
        for text in ["<b>{{ code }}</b>", "{{code}} {% x %", "a { b", "}{", "{{", "{{{{ 7*7 }}}}", "a } b"] {
            assert_eq!(Phrase::parse(text).unwrap().fill(&FILLING), text);
        }
    }

    #[test]
    fn another_name_in_braces_is_refused() {
        for name in ["password", "Code", " code ", "", "% x %", "minutes!"] {
            let refused = Phrase::parse(&format!("{{code}} {{{name}}}"));
            assert_eq!(refused, Err(PhraseError::Placeholder(name.to_owned())), "{name}");
        }
    }

    #[test]
    fn a_text_that_deceives_or_breaks_lines_is_refused() {
        assert_eq!(Phrase::parse(" \t"), Err(PhraseError::Blank));
        assert_eq!(Phrase::parse(&"a".repeat(1001)), Err(PhraseError::TooLong));
        for c in ['\n', '\r', '\0', '\u{202e}', '\u{2068}', '\u{200f}', '\u{200b}', '\u{feff}'] {
            assert_eq!(Phrase::parse(&format!("a {c} b")), Err(PhraseError::Character(c)));
        }
        for text in ["\u{200d}{code}", "{code}\u{200c}", "{brand}{code}\u{ad}"] {
            assert!(matches!(Phrase::parse(text), Err(PhraseError::BesideCode(_))), "{text}");
        }
    }
}
