use std::collections::BTreeMap;

use super::{Mail, Rendered, Templates, samples};
use crate::{
    brand::Brand,
    characters::is_hidden,
    checks,
    language::LanguageTag,
    layout::{FUEL, HTML, TEXT},
    words::{self, FilledWords},
};

fn tag(text: &str) -> LanguageTag {
    text.parse().unwrap()
}

pub(super) fn ping() -> Brand {
    Brand::named("Ping".parse().unwrap())
}

pub(super) fn files(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

pub(super) fn mail(templates: &Templates, brand: &Brand, language: &str, minutes: u32) -> Rendered {
    templates.render(&Mail {
        code: "482931",
        minutes,
        brand,
        wishes: &[tag(language)],
        default_language: &LanguageTag::english(),
        code_in_subject: true,
    })
}

/// What every mail of ours must be, whatever the brand.
fn assert_decent(mail: &Rendered, brand: &Brand, minutes: u32) {
    let context = format!("{}, {}, {minutes}", mail.locale, brand.name.as_str());
    let logo = brand.logo.as_ref().map(|logo| logo.url.as_str());
    assert!(!mail.fell_back, "{context}");
    assert!(mail.subject.chars().count() <= 120 && !mail.subject.chars().any(char::is_control), "{context}");
    let problems = checks::html(&mail.html, "482931", logo);
    assert!(problems.is_empty(), "{context}: {problems:?}");
    let problems = checks::text(&mail.text, "482931");
    assert!(problems.is_empty(), "{context}: {problems:?}");
    let hidden = |part: &str| part.chars().any(is_hidden);
    assert!(!hidden(&mail.subject) && !hidden(&mail.text) && !hidden(&mail.html), "{context}");
    assert!(mail.text.chars().all(|c| !c.is_control() || c == '\n'), "{context}");
    assert!(
        mail.text.lines().all(|line| line != "None" && line.trim_end() == line),
        "{context}: {}",
        mail.text
    );
}

#[test]
fn every_language_with_every_brand_and_plural_form_is_a_decent_mail() {
    let templates = Templates::shipped();
    let brands = samples::brands().unwrap();
    assert_eq!((templates.languages().len(), brands.len()), (12, 3));
    for brand in brands.iter().chain([&ping()]) {
        for language in templates.languages() {
            for minutes in samples::MINUTES {
                assert_decent(&mail(&templates, brand, &language.to_string(), minutes), brand, minutes);
            }
        }
    }
}

#[test]
fn the_shipped_layouts_need_a_twentieth_of_the_fuel() {
    let (mut environment, brand) = (minijinja::Environment::empty(), samples::brands().unwrap().remove(0));
    environment.set_fuel(Some(FUEL / 20));
    let layouts =
        [(HTML, include_str!("../../layouts/code.html")), (TEXT, include_str!("../../layouts/code.txt"))];
    for (name, source) in layouts {
        environment.add_template(name, source).unwrap();
        let language = [tag("ja")];
        let mail = Mail {
            code: "482931",
            minutes: 5,
            brand: &brand,
            wishes: &language,
            default_language: &language[0],
            code_in_subject: true,
        };
        let rendered =
            environment.get_template(name).unwrap().render(Templates::shipped().fill(&mail).values);
        assert!(rendered.is_ok(), "{rendered:?}");
    }
}

#[test]
fn the_mail_in_english_reads_as_it_should() {
    let brand = serde_json::from_str::<Brand>(
        r#"{ "name": "Ping & Co", "site": "example.org", "footer": "1 Example Street", "support": "help@example.org" }"#,
    );
    let mail = mail(&Templates::shipped(), &brand.unwrap(), "en-GB", 1);
    assert_eq!(mail.subject, "482931 is your sign-in code for Ping & Co");
    assert_eq!(
        mail.text,
        "Sign in to Ping & Co\n\nEnter this code to sign in:\n\n482931\n\nThe code is valid for 1 minute. It can be used only once.\n\n\
         If you did not request this code, ignore this email: nobody can sign in without the code. Do not share it with anyone. \
         Ping & Co will never ask you for it.\n\n\
         You are receiving this email because a sign-in code for Ping & Co was requested with your address. It was sent automatically.\n\
         1 Example Street\nhelp@example.org\n\n@example.org #482931\n"
    );
    assert!(mail.html.contains("<html lang=\"en\" dir=\"ltr\">"));
    assert!(mail.html.contains(">Ping &amp; Co</td>") && mail.html.contains(">482931</p>"));
}

#[test]
fn the_code_can_be_left_out_of_the_subject() {
    let templates = Templates::shipped();
    for language in templates.languages() {
        let mail = templates.render(&Mail {
            code: "482931",
            minutes: 5,
            brand: &ping(),
            wishes: std::slice::from_ref(language),
            default_language: language,
            code_in_subject: false,
        });
        assert!(!mail.subject.contains("482931") && mail.subject.contains("Ping"), "{}", mail.subject);
        assert!(mail.html.contains("482931") && mail.text.contains("482931"));
    }
}

#[test]
fn what_a_brand_says_is_escaped_in_html_and_as_it_is_in_text_and_subject() {
    let brand = serde_json::from_str::<Brand>(
        r#"{ "name": "Ping &\"'", "footer": "</table><b>{{ code }}", "support": "o'neil+x@example.org" }"#,
    );
    let mail = mail(&Templates::shipped(), &brand.unwrap(), "en", 5);
    assert_eq!(mail.subject, "482931 is your sign-in code for Ping &\"'");
    assert!(
        mail.text.contains("Sign in to Ping &\"'\n")
            && mail.text.contains("\n</table><b>{{ code }}\no'neil+x@example.org\n")
    );
    assert!(mail.html.contains("<title>Sign in to Ping &amp;&quot;&#x27;</title>"), "{}", mail.html);
    assert!(mail.html.contains("&lt;&#x2f;table&gt;&lt;b&gt;{{ code }}"));
    assert!(mail.html.contains("mailto:o&#x27;neil+x@example.org\"") && !mail.html.contains("<b>"));
}

#[test]
fn words_are_shown_literally_and_rendered_once() {
    let own = [("words.en.json", r#"{ "intro": "<b>Enter</b> {{ code }} for {brand}:" }"#)];
    let templates = Templates::load(files(&own)).unwrap();
    let brand = Brand::named("{minutes}".parse().unwrap());
    let mail = mail(&templates, &brand, "en", 5);
    assert!(mail.text.contains("\n<b>Enter</b> {{ code }} for {minutes}:\n"));
    assert!(mail.html.contains("&lt;b&gt;Enter&lt;&#x2f;b&gt; {{ code }} for {minutes}:"));
}

#[test]
fn arabic_is_written_from_right_to_left_with_the_code_from_left_to_right() {
    let mail = mail(&Templates::shipped(), &ping(), "ar-EG", 11);
    assert!(mail.html.contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(mail.html.contains("<p class=\"code\" dir=\"ltr\""));
    assert!(
        mail.subject.starts_with("482931 ") && mail.text.contains("\n482931\n") && mail.text.contains(" 11 ")
    );
    // Digits of Arabic, which nobody could type into the page.
    assert!(
        ![&mail.subject, &mail.text, &mail.html]
            .into_iter()
            .any(|part| part.contains(|c| ('٠'..='٩').contains(&c)))
    );
}

#[test]
fn the_html_can_be_read_by_everybody() {
    let brand = &samples::brands().unwrap()[0];
    let templates = Templates::shipped();
    for html in [mail(&templates, brand, "en", 5).html, mail(&templates, &ping(), "de", 5).html] {
        assert_eq!(html.matches("<h1").count(), 1);
        assert_eq!(html.matches("<table").count(), html.matches("role=\"presentation\"").count());
        assert!(
            html.contains("font-size: 16px")
                && html.contains("letter-spacing")
                && html.contains("charset=\"utf-8\"")
        );
        assert!(html.contains("content=\"light dark\"") && html.contains("prefers-color-scheme: dark"));
        for extreme in ["#000000", "#ffffff", "#fff;", "#000;", " white", " black"] {
            assert!(!html.contains(extreme), "{extreme}");
        }
        let preheader = html.find("display: none").unwrap();
        assert!(html[preheader..].find("482931").unwrap() < html[preheader..].find("<h1").unwrap());
    }
    let html = mail(&templates, brand, "en", 5).html;
    assert!(html.contains("alt=\"&quot;P&quot; &amp; &#x27;S&#x27;") && html.contains("width=\"400\""));
}

#[test]
fn a_shipped_mail_is_small() {
    let templates = Templates::shipped();
    for language in templates.languages() {
        let mail = mail(&templates, &ping(), &language.to_string(), 5);
        assert!(
            mail.html.len() < 7_000 && mail.text.len() < 1_500,
            "{language}: {}, {}",
            mail.html.len(),
            mail.text.len()
        );
    }
}

#[test]
fn the_default_language_is_used_where_no_wish_can_be_met_and_english_where_it_has_no_words() {
    let templates = Templates::shipped();
    for (wishes, default, expected) in [
        (vec!["xx", "de-AT"], "fr", "de"),
        (vec!["xx"], "fr-CA", "fr"),
        (vec![], "pt", "pt-BR"),
        (vec!["zh-TW"], "sv", "en"),
    ] {
        let rendered = templates.render(&Mail {
            code: "482931",
            minutes: 5,
            brand: &ping(),
            wishes: &wishes.into_iter().map(tag).collect::<Vec<_>>(),
            default_language: &tag(default),
            code_in_subject: true,
        });
        assert_eq!(rendered.locale.to_string(), expected);
    }
}

#[test]
fn templates_can_be_shared_between_tasks() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Templates>();
}

#[test]
fn no_text_of_a_mail_is_empty() {
    let templates = Templates::shipped();
    assert!(words::shipped().1.is_empty());
    for words in templates.words.values() {
        let filling = words::Filling { code: "482931", minutes: 5, brand: "Ping", site: "Ping" };
        let FilledWords { subject, preheader, heading, intro, validity, once, warning, footer } =
            words.fill(&filling, false);
        for text in [subject, preheader, heading, intro, validity, once, warning, footer] {
            assert!(!text.is_empty());
        }
    }
}
