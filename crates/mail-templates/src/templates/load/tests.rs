use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    brand::Brand,
    layout::{HTML, TEXT},
    templates::{
        Templates,
        tests::{files, mail, ping},
    },
};

/// The findings of files, shown.
fn findings(given: &[(&str, &str)]) -> Vec<String> {
    let findings = Templates::load(files(given)).err().unwrap_or_default();
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_or_one_text_may_be_overridden() {
    assert_eq!(findings(&[]), Vec::<String>::new());
    let own = files(&[
        ("words.sv.json", r#"{ "heading": "Logga in på {brand}" }"#),
        ("code.txt", "{{ words.heading }}: {{ code }}"),
    ]);
    let templates = Templates::load(own).unwrap();
    assert_eq!(templates.languages().len(), 13);
    let mail = mail(&templates, &ping(), "sv-SE", 5);
    assert_eq!((mail.locale.to_string().as_str(), mail.text.as_str()), ("sv", "Logga in på Ping: 482931\n"));
    assert!(
        mail.html.contains("<html lang=\"sv\" dir=\"ltr\">")
            && mail.html.contains(">Enter this code to sign in:<")
    );
}

#[test]
fn unknown_and_unreadable_files_are_refused_all_at_once() {
    let mut given = files(&[
        ("code.htm", ""),
        ("words.json", "{}"),
        ("words.de_AT.json", "{}"),
        ("words.iw.json", "{}"),
        ("words.he.json", "{}"),
        ("code.html", "{{ cod }}"),
        ("words.de.json", "{ \"intro\": \"{password}\" }"),
    ]);
    given.insert("code.txt".to_owned(), vec![0xff, b'a']);
    given.insert("words.fr.json".to_owned(), vec![b' '; 64 * 1024 + 1]);
    let findings = Templates::load(given).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>();
    for expected in [
        "code.htm: there is no file of this name: the files are words.<language tag>.json, code.html and code.txt",
        "words.json: there is no file of this name",
        "words.de_AT.json: it is not a language tag",
        "words.iw.json: another file has the words of he too",
        "code.html:1: there is no variable cod",
        "words.de.json:1: intro: there is no placeholder {password}",
        "code.txt: it is not UTF-8",
        "words.fr.json: it has 65537 octets",
    ] {
        assert!(findings.iter().any(|finding| finding.starts_with(expected)), "{expected}: {findings:?}");
    }
    assert_eq!(findings.len(), 8, "{findings:?}");
}

#[test]
fn a_mebibyte_of_files_is_refused_at_once() {
    let mut given = BTreeMap::new();
    for number in 0..16 {
        given.insert(format!("words.de-x{number:07}.json"), vec![b' '; 64 * 1024]);
    }
    let begun = Instant::now();
    let findings = Templates::load(given).unwrap_err();
    assert!(
        findings.len() == 1 && findings[0].problem == "all files together have 1048576 octets",
        "{findings:?}"
    );
    assert!(begun.elapsed() < Duration::from_millis(100));
}

#[test]
fn a_layout_without_the_code_as_one_text_is_refused() {
    for (name, layout, problem) in [
        (HTML, "<p>{{ words.preheader }}</p>", "the HTML part lacks the code as one text"),
        (
            HTML,
            "{% for digit in code %}<span>{{ digit }}</span>{% endfor %}",
            "the HTML part lacks the code as one text",
        ),
        (HTML, "{% if brand.site %}<p>{{ code }}</p>{% endif %}", "the HTML part lacks the code as one text"),
        (TEXT, "{{ words.heading }}", "the text part lacks the code"),
        (TEXT, "{% for digit in code %}{{ digit }} {% endfor %}", "the text part lacks the code"),
        (TEXT, "x{{ code }}y", "the text part lacks the code"),
        (TEXT, "\u{200b}{{ code }}", "there is the invisible character U+200B"),
    ] {
        let findings = findings(&[(name, layout)]);
        assert!(findings.len() == 1 && findings[0].contains(problem), "{layout}: {findings:?}");
    }
}

#[test]
fn what_a_layout_loads_or_runs_is_refused_with_its_line() {
    for (part, problem) in [
        ("<script>x</script>", "the element script is not allowed"),
        ("<p onclick=\"x\">", "the attribute onclick is not allowed"),
        (
            "<img src=\"https://example.org/pixel.gif\">",
            "https://example.org/pixel.gif would be loaded by <img>",
        ),
        ("<a href=\"http://example.org\">x</a>", "the link to http://example.org is not allowed"),
    ] {
        let findings = findings(&[(HTML, &format!("<p>{{{{ code }}}}</p>\n{part}"))]);
        assert!(
            findings.len() == 1 && findings[0].starts_with(&format!("code.html:2: {problem}")),
            "{findings:?}"
        );
    }
    let with_logo = "<p>{{ code }}</p>{% if brand.logo %}<img src=\"{{ brand.logo.url }}\" alt=\"{{ brand.name }}\">{% endif %}";
    assert_eq!(findings(&[(HTML, with_logo)]), Vec::<String>::new());
    assert!(
        findings(&[(HTML, "<p>{{ code }}</p><img src=\"{{ brand.logo.url }}\">")])[0]
            .contains("test what a brand may lack first")
    );
}

#[test]
fn a_part_that_is_too_large_is_refused() {
    let html = format!("<p>{{{{ code }}}}</p>{}", "x".repeat(61_000));
    assert!(findings(&[(HTML, &html)])[0].starts_with("code.html: the part has 61013 octets"));
    let text = format!("{{{{ code }}}} {}", "x".repeat(8_000));
    assert!(findings(&[(TEXT, &text)])[0].starts_with("code.txt: the part has 8007 octets"));
}

#[test]
fn a_layout_that_does_too_much_is_refused() {
    let bomb = format!(
        "{{{{ code }}}}{}{{{{ code }}}}{}",
        "{% for a in 'x' * 9999 %}".repeat(2),
        "{% endfor %}".repeat(2)
    );
    let findings = findings(&[(TEXT, &bomb)]);
    assert!(findings.len() == 1 && findings[0].contains("out of fuel"), "{findings:?}");
}

#[test]
fn the_shipped_layout_stands_in_for_one_that_fails_with_this_brand_alone() {
    let layout =
        "{{ code }}{% if brand.name == 'Odd' %}{% for a in 'x' * 19999 %}{{ a }}{% endfor %}{% endif %}";
    let templates = Templates::load(files(&[(TEXT, layout)])).unwrap();
    let own = mail(&templates, &ping(), "en", 5);
    assert!(!own.fell_back && own.text == "482931\n");
    let odd = mail(&templates, &Brand::named("Odd".parse().unwrap()), "en", 5);
    assert!(odd.fell_back && odd.text.starts_with("Sign in to Odd\n") && odd.text.contains("\n482931\n"));
}

#[test]
fn files_may_be_saved_as_windows_does_and_have_no_control_characters() {
    let own = [
        ("words.de.json", "\u{feff}{ \"heading\": \"Hallo\" }\r\n"),
        ("code.txt", "\u{feff}{{ words.heading }}\r\n{{ code }}\r\n"),
    ];
    let templates = Templates::load(files(&own)).unwrap();
    assert_eq!(mail(&templates, &ping(), "de", 5).text, "Hallo\n482931\n");
    for control in ['\0', '\u{7}', '\u{1b}', '\r', '\u{85}'] {
        let layout = format!("{{{{ code }}}}\n{control}");
        assert_eq!(
            findings(&[("code.txt", &layout)]),
            ["code.txt:2: there is a control character: delete it"]
        );
    }
}
