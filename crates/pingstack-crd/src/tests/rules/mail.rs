//! The rules of `spec.mail`.

use serde_json::{Value, json};

use super::{assert_accepted, assert_said, created};

#[expect(clippy::needless_pass_by_value, reason = "callers write it as json!")]
fn branded(brand: Value) -> Value {
    json!({ "mail": { "brand": brand, "templates": { "style": "Branded" }, "sealing": { "enabled": true } } })
}

/// A brand in which one field has each of these texts.
fn with(field: &str, texts: &[&str]) -> Vec<Value> {
    let brand = |text: &&str| {
        let mut brand = json!({ "name": "Ping" });
        brand[field] = json!(text);
        branded(brand)
    };
    texts.iter().map(brand).collect()
}

#[test]
fn a_branded_mail_says_whose_it_is_and_an_original_one_need_not() {
    assert_accepted([
        branded(json!({ "name": "Ping" })),
        json!({ "mail": { "brand": {} } }),
        json!({ "mail": {} }),
    ]);
    let nobodys = json!({ "mail": { "templates": { "style": "Branded" } } });
    assert_said("into brand.name, such as Ping", [nobodys, branded(json!({ "colour": "#2457d6" }))]);
}

#[test]
fn a_name_that_could_deceive_is_refused_in_plain_words() {
    let names = ["Ping", "Äpfel & Söhne", "株式会社ピング", "بينغ", "Ping (Test)", "O'Neil"];
    assert_accepted(with("name", &names));
    let bad = [
        "Ping\r\nBcc: x",
        "Ping\u{0}",
        "Ping\u{202e}gniP",
        "\u{2066}Ping",
        "Ping\u{200f}",
        "Ping\u{2028}Ping",
        "a@b",
        "<b>",
        "  ",
        "\u{85}",
        "Ping\u{feff}",
        "a＠b",
    ];
    assert_said("name cannot be shown in a mail", with("name", &bad));
}

#[test]
fn a_footer_is_one_line() {
    assert_accepted(with("footer", &["Example Ltd, 1 High Street", "</table>", "mail us: a@example.org"]));
    assert_said("footer cannot be shown in a mail", with("footer", &["a\nb", "\t", "a\u{202d}b"]));
}

#[test]
fn sites_colours_and_addresses_that_are_none_are_refused_in_plain_words() {
    assert_accepted(with(
        "site",
        &["example.org", "login.example.co.uk", "xn--bcher-kva.example", "bücher.example"],
    ));
    let bad = [
        "https://example.org",
        "example.org/login",
        "example",
        "a b.org",
        "@example.org",
        "example.org.",
        "10.0.0.1",
    ];
    assert_said("site is not a domain", with("site", &bad));
    assert_accepted(with("colour", &["#2457d6", "#2457D6"]));
    assert_said("colour is not a colour", with("colour", &["2457d6f", "#2457d", "#2457dg", "red;x:y"]));
    assert_accepted(with("support", &["help@example.org"]));
    assert_said(
        "support is not an address",
        with("support", &["help", "Help <help@example.org>", "a@b\r\nc"]),
    );
}

#[test]
fn a_logo_is_at_an_https_address() {
    let logo = |url: &str| branded(json!({ "name": "Ping", "logo": { "url": url } }));
    assert_accepted(
        ["https://example.org/logo.png", "https://cdn.example.org:8443/a%20b.png?v=2&size=120"].map(logo),
    );
    let bad = [
        "http://example.org/logo.png",
        "https://example.org",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "https://example.org/a b.png",
        "https://example.org/\"onerror=\"x",
        "https://u:p@example.org/logo.png",
        "https://example.org/a'b",
    ];
    assert_said("url is not the address of a picture", bad.map(logo));
}

#[test]
fn the_default_language_is_a_tag() {
    let locale = |tag: &str| json!({ "mail": { "locales": { "default": tag } } });
    assert_accepted(["en", "pt-BR", "zh-Hans", "de-1996", "sr-Latn-RS"].map(locale));
    let bad = ["English", "e", "../../etc", "de_AT", "de-", "en US", "en,de"];
    assert_said("default is not the tag of a language", bad.map(locale));
}

#[test]
fn what_the_spec_does_not_say_of_mails_is_as_it_was() {
    let spec = created_with(json!({}));
    assert!(!spec.mail.is_branded());
    assert_eq!(spec.mail.locales.default, "en");
    assert!(spec.mail.locales.from_header && spec.mail.templates.code_in_subject);
    let logo =
        created_with(branded(json!({ "name": "Ping", "logo": { "url": "https://example.org/a.png" } })));
    assert_eq!(logo.mail.brand.logo.map(|logo| logo.width), Some(120));
}

fn created_with(spec: Value) -> crate::PingStackSpec {
    assert_eq!(created(spec.clone()), Ok(()));
    super::stack("demo", spec).spec
}

#[test]
fn a_branded_mail_travels_sealed_and_an_original_one_may() {
    let mail = |style: &str, enabled: bool| {
        let templates = json!({ "style": style });
        json!({ "mail": { "brand": { "name": "Ping" }, "templates": templates, "sealing": { "enabled": enabled } } })
    };
    assert_accepted([mail("Original", false), mail("Original", true), mail("Branded", true)]);
    let absent = json!({ "mail": { "brand": { "name": "Ping" }, "templates": { "style": "Branded" } } });
    assert_said("a branded mail travels sealed", [mail("Branded", false), absent]);
}
