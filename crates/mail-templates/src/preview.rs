//! One page that shows the mail in every language: what a user gets, by the function that makes real mails.

use std::fmt::Write as _;

use crate::{
    brand::Brand,
    language::LanguageTag,
    templates::{Mail, Rendered, Templates},
};

/// The code in all previews.
pub const CODE: &str = "123456";

/// How long it is valid, in minutes.
pub const MINUTES: u32 = 5;

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>The mail with a code</title>
<style>
:root { color-scheme: light dark; }
body { margin: 24px; font: 16px/1.5 sans-serif; }
section { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 16px; margin-bottom: 40px; }
header { grid-column: 1 / -1; }
h2, p { margin: 0; }
iframe { width: 100%; height: 660px; border: 1px solid #8a909c; }
</style>
</head>
<body>
<h1>The mail with a code</h1>
<p>Each language with its subject, its HTML part and its text part. The parts are dark where the browser prefers dark.</p>
";

/// The page: HTML that needs nothing but the brand's logo, if it has one.
#[must_use]
pub fn page(templates: &Templates, brand: &Brand) -> String {
    let mut page = HEAD.to_owned();
    for language in templates.languages() {
        section(&mut page, &sample(templates, brand, language));
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// The mail with [`CODE`] in one language.
#[must_use]
pub fn sample(templates: &Templates, brand: &Brand, language: &LanguageTag) -> Rendered {
    templates.render(&Mail {
        code: CODE,
        minutes: MINUTES,
        brand,
        wishes: std::slice::from_ref(language),
        default_language: language,
        code_in_subject: true,
    })
}

fn section(page: &mut String, mail: &Rendered) {
    let locale = &mail.locale;
    let dir = if locale.is_right_to_left() { "rtl" } else { "ltr" };
    let subject = escaped(&mail.subject);
    let html = escaped(&mail.html);
    let pre = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">\
         <pre lang=\"{locale}\" dir=\"{dir}\" style=\"font: 15px/1.5 monospace; white-space: pre-wrap;\">{}</pre>",
        escaped(&mail.text)
    );
    let text = escaped(&pre);
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "<section>\n<header><h2>{locale}</h2><p lang=\"{locale}\" dir=\"{dir}\"><strong>{subject}</strong></p></header>\n\
         <iframe sandbox title=\"HTML, {locale}\" srcdoc=\"{html}\"></iframe>\n\
         <iframe sandbox title=\"Text, {locale}\" srcdoc=\"{text}\"></iframe>\n</section>\n"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{CODE, page};
    use crate::{brand::Brand, templates::Templates};

    fn brand() -> Brand {
        serde_json::from_value(serde_json::json!({
            "name": "Ping",
            "site": "example.org",
            "footer": "Example Ltd, 1 Example Street, Exampletown",
            "support": "help@example.org",
        }))
        .unwrap()
    }

    #[test]
    fn the_preview_of_mails_in_the_docs_is_current() {
        test_kit::documents::assert_file("docs/mail-preview.html", &page(&Templates::shipped(), &brand()));
    }

    #[test]
    fn the_preview_shows_every_language_and_loads_nothing() {
        let page = page(&Templates::shipped(), &brand());
        assert_eq!(page.matches("<iframe sandbox").count(), 2 * 12);
        assert_eq!(page.matches(&format!("@example.org #{CODE}")).count(), 12);
        for refused in ["http://", "https://", "<script", "src=", "url("] {
            assert!(!page.contains(refused), "{refused}");
        }
    }
}
