//! Puts a code into words: those of the original services, or a branded mail in the user's language.

use mail_templates::{Brand, LanguageTag, Mail, Templates, language};
use ping_contract::{
    event::{MailEvent, PURPOSE_SIGN_IN},
    locale::Wishes,
    mail_text,
};

use crate::event::{CodeEvent, Event};

/// The words of mails that carry a code.
#[derive(Debug)]
pub enum Words {
    /// One line of English in plain text, as the original services wrote it.
    Original,
    /// Text and HTML in the user's language.
    Branded(Box<Branded>),
}

/// What branded mails are made with.
#[derive(Debug)]
pub struct Branded {
    /// Words and layouts.
    pub templates: Templates,
    /// Whose mail it is.
    pub brand: Brand,
    /// The language of a user whose wishes cannot be met.
    pub default_language: LanguageTag,
    /// Whether the subject shows the code.
    pub code_in_subject: bool,
    /// Whether the languages that a user asked for count.
    pub follows_wishes: bool,
}

/// A mail in words.
pub struct Letter {
    /// Recipients, subject and plain text.
    pub event: MailEvent,
    /// The same as HTML.
    pub html: Option<String>,
    /// Its language, where it was chosen.
    pub locale: Option<String>,
    /// Whether an administrator's layout failed, and the shipped one was used.
    pub fell_back: bool,
}

impl Words {
    /// The mail of an event. `locales` is the header with the user's wishes. What another publisher wrote stays as it is.
    #[must_use]
    pub fn letter(&self, event: Event, locales: Option<&str>) -> Letter {
        match (event, self) {
            (Event::Clear(event), _) => Letter::plain(*event),
            (Event::Code(code), Self::Original) => original(code),
            (Event::Code(code), Self::Branded(branded)) => branded.letter(code, locales),
        }
    }
}

impl Letter {
    fn plain(event: MailEvent) -> Self {
        Self { event, html: None, locale: None, fell_back: false }
    }
}

fn original(CodeEvent { id, contents }: CodeEvent) -> Letter {
    let minutes = mail_text::minutes(contents.ttl_seconds);
    Letter::plain(MailEvent::sign_in_code(id, contents.to, &contents.code, minutes))
}

impl Branded {
    fn letter(&self, CodeEvent { id, contents }: CodeEvent, locales: Option<&str>) -> Letter {
        let wishes = Wishes::parse(locales.filter(|_| self.follows_wishes).unwrap_or_default());
        let wishes = language::of_wishes(&wishes);
        let minutes = mail_text::minutes(contents.ttl_seconds);
        let mail = self.templates.render(&Mail {
            code: &contents.code,
            minutes: u32::try_from(minutes).unwrap_or(u32::MAX),
            brand: &self.brand,
            wishes: &wishes,
            default_language: &self.default_language,
            code_in_subject: self.code_in_subject,
        });
        let event = MailEvent {
            id: Some(id),
            to: contents.to,
            also_to: Vec::new(),
            unusable_recipients: 0,
            subject: mail.subject,
            body: mail.text,
            purpose: Some(PURPOSE_SIGN_IN.to_owned()),
            locale: None,
        };
        Letter {
            event,
            html: Some(mail.html),
            locale: Some(mail.locale.to_string()),
            fell_back: mail.fell_back,
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_templates::{Brand, LanguageTag, Templates};
    use ping_contract::{
        address::EmailAddress,
        event::{EventId, MailEvent},
    };
    use sealed_mail::Contents;

    use super::{Branded, Letter, Words};
    use crate::event::{CodeEvent, Event};

    fn code() -> Event {
        let to = EmailAddress::parse("ada@example.org").unwrap();
        let contents = Contents { to, code: "482931".to_owned(), ttl_seconds: 300 };
        Event::Code(CodeEvent { id: EventId::from_bytes([1; 16]), contents })
    }

    fn branded(change: impl FnOnce(&mut Branded)) -> Words {
        let mut branded = Branded {
            templates: Templates::shipped(),
            brand: Brand::named("Acme".parse().unwrap()),
            default_language: LanguageTag::english(),
            code_in_subject: true,
            follows_wishes: true,
        };
        change(&mut branded);
        Words::Branded(Box::new(branded))
    }

    fn locale(letter: &Letter) -> &str {
        letter.locale.as_deref().unwrap()
    }

    #[test]
    fn the_original_style_has_the_originals_words_and_no_html() {
        let letter = Words::Original.letter(code(), Some("de"));
        assert_eq!(letter.event.subject, "Your OTP Code");
        assert_eq!(letter.event.body, "Your OTP code is 482931. It is valid for 5 minutes.");
        assert!(letter.html.is_none());
    }

    #[test]
    fn a_branded_mail_has_the_code_in_both_parts_and_in_the_users_language() {
        let letter = branded(|_| ()).letter(code(), Some("fr-CH,de"));
        assert_eq!(locale(&letter), "fr");
        let html = letter.html.unwrap();
        assert!(letter.event.body.contains("482931") && html.contains(">482931<"), "{html}");
        assert!(letter.event.subject.contains("482931") && letter.event.subject.contains("Acme"));
        assert!(!letter.fell_back);
    }

    #[test]
    fn wishes_that_cannot_be_met_or_do_not_count_give_the_default_language() {
        let default = |branded: &mut Branded| branded.default_language = "de".parse().unwrap();
        assert_eq!(locale(&branded(default).letter(code(), Some("xx,q!"))), "de");
        assert_eq!(locale(&branded(default).letter(code(), None)), "de");
        let ignores = |branded: &mut Branded| branded.follows_wishes = false;
        assert_eq!(locale(&branded(ignores).letter(code(), Some("fr"))), "en");
    }

    #[test]
    fn what_another_publisher_wrote_stays_as_it_is() {
        let foreign =
            MailEvent::parse(br#"{"to":"ada@example.org","subject":"Hi 123456","body":"x"}"#).unwrap();
        let letter = branded(|_| ()).letter(Event::Clear(Box::new(foreign.clone())), Some("fr"));
        assert_eq!((letter.event == foreign, letter.html), (true, None));
    }
}
