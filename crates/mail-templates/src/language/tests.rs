use ping_contract::locale::Wishes;
use proptest::prelude::*;

use super::{LanguageTag, TagError, choose, of_wishes};

fn tags(texts: &[&str]) -> Vec<LanguageTag> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn shipped() -> Vec<LanguageTag> {
    tags(&["ar", "de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt-BR", "tr", "zh-Hans"])
}

fn chosen(header: &str) -> String {
    let wishes = of_wishes(&Wishes::of_request(None, [header.as_bytes()]));
    choose(&wishes, &shipped(), &LanguageTag::english()).to_string()
}

#[test]
fn a_user_gets_the_nearest_language_that_exists() {
    for (header, expected) in [
        ("de-AT", "de"),
        ("de-CH-1996", "de"),
        ("pt", "pt-BR"),
        ("pt-BR", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("pt-AO", "pt-BR"),
        ("es-MX", "es"),
        ("en-AU", "en"),
        ("fr-CA-u-ca-gregory", "fr"),
        ("ar-EG", "ar"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh-Hans-HK", "zh-Hans"),
        ("DE_at, nl", "nl"),
        ("JA", "ja"),
    ] {
        assert_eq!(chosen(header), expected, "{header}");
    }
}

#[test]
fn chinese_in_the_other_script_is_not_taken_for_it() {
    for header in ["zh-TW", "zh-HK", "zh-Hant", "zh-Hant-MO"] {
        assert_eq!(chosen(header), "en", "{header}");
        let header = format!("{header}, ja;q=0.5");
        assert_eq!(chosen(&header), "ja", "{header}");
    }
    let available = tags(&["zh-Hans", "zh-Hant"]);
    for (wish, expected) in
        [("zh-TW", "zh-Hant"), ("zh-HK", "zh-Hant"), ("zh-MY", "zh-Hans"), ("zh", "zh-Hans")]
    {
        assert_eq!(choose(&tags(&[wish]), &available, &available[0]).to_string(), expected, "{wish}");
    }
}

#[test]
fn junk_in_accept_language_is_ignored() {
    for (header, expected) in [
        ("", "en"),
        ("xx", "en"),
        ("*", "en"),
        ("*;q=0", "en"),
        ("*, de", "de"),
        ("en;q=2", "en"),
        ("fr;q=2, de;q=0.1", "de"),
        ("fr;q=0, de;q=0.1", "de"),
        ("fr;q=0.0, fr;q=0.000", "en"),
        ("fr;q=1.001, de", "de"),
        ("fr;q=0.1234, de;q=.5, nl;q=-1, it;q=a, es;q, pl;level=1, tr", "tr"),
        ("../../etc, <script>, ja", "ja"),
        (",,, ;q=1, ;;, -, de-, -de, it", "it"),
        ("\u{202e}de, it", "it"),
        ("日本語, ja", "ja"),
    ] {
        assert_eq!(chosen(header), expected, "{header}");
    }
}

#[test]
fn a_tag_is_read_in_any_case_and_written_in_one() {
    for (text, canonical) in [
        ("de", "de"),
        ("DE-at", "de-AT"),
        ("ZH-hans-cn", "zh-Hans-CN"),
        ("es-419", "es-419"),
        ("sl-rozaj", "sl-rozaj"),
        ("de-DE-u-co-phonebk", "de-DE"),
        ("en-x-private", "en"),
        ("zh-yue-HK", "zh"),
        ("iw", "he"),
        ("in-ID", "id-ID"),
    ] {
        assert_eq!(text.parse::<LanguageTag>().unwrap().to_string(), canonical, "{text}");
    }
    let exactly = "de-DE-u-co-phonebk-ka-posix-kb-true1";
    assert_eq!(exactly.len(), 36);
    assert_eq!(exactly.parse::<LanguageTag>(), Err(TagError::TooLong));
    assert!(exactly[..35].parse::<LanguageTag>().is_ok());
}

#[test]
fn a_locale_that_is_no_tag_is_an_error() {
    for text in [
        "",
        " ",
        "-",
        "d",
        "5",
        "1",
        "../../etc",
        "de_AT",
        "de-",
        "-de",
        "de--AT",
        "de-A",
        "de AT",
        "de\0",
        "toolonglanguage",
        "de-toolonglanguage",
        "x-private",
        "i-klingon",
        "*",
        "{code}",
        "дe",
    ] {
        assert_eq!(text.parse::<LanguageTag>(), Err(TagError::Malformed), "{text:?}");
    }
    assert!(serde_json::from_str::<LanguageTag>("5").is_err());
    assert!(serde_json::from_str::<LanguageTag>("\"de-AT\"").is_ok());
}

#[test]
fn arabic_and_hebrew_are_written_from_right_to_left() {
    for (text, expected) in
        [("ar", true), ("ar-EG", true), ("he", true), ("fa", true), ("en", false), ("az", false)]
    {
        assert_eq!(text.parse::<LanguageTag>().unwrap().is_right_to_left(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn what_was_read_reads_the_same_again(text in "[a-zA-Z]{2,3}(-[a-zA-Z]{4})?(-[a-zA-Z]{2})?(-[a-z0-9]{5,8})?") {
        if let Ok(tag) = text.parse::<LanguageTag>() {
            prop_assert_eq!(tag.to_string().parse::<LanguageTag>(), Ok(tag.clone()));
            let (alone, default) = ([tag], LanguageTag::english());
            prop_assert_eq!(choose(&alone, &alone, &default), &alone[0]);
        }
    }
}
