use proptest::prelude::*;

use super::{LanguageTag, MAX_TAG, MAX_WISHES, NoLanguageTag, Wishes};

fn accepted(header: &str) -> String {
    Wishes::of_request(None, [header.as_bytes()]).to_string()
}

fn named(tag: &str, header: &str) -> String {
    Wishes::of_request(Some(LanguageTag::parse(tag).unwrap()), [header.as_bytes()]).to_string()
}

#[test]
fn a_language_tag_has_the_form_of_bcp_47() {
    let long = "de-Latn-DE-1996-x-aaaaaaaa-bbbbbbbb";
    assert_eq!(long.len(), MAX_TAG);
    for tag in
        ["de", "DE", "de-AT", "zh-Hant-TW", "pt-BR", "es-419", "sl-rozaj-biske", "en-US-u-hc-h23", "xx", long]
    {
        assert!(LanguageTag::parse(tag).is_ok(), "{tag}");
    }
    for none in [
        "",
        "d",
        "*",
        "de_AT",
        "de-",
        "-de",
        "de--AT",
        " de",
        "de ",
        "de,en",
        "de;q=1",
        "7",
        "419",
        "x-klingon",
        "i-klingon",
        "en-u",
        "abcdefghi",
        "de-abcdefghi",
        "dé",
        "../../etc",
        "de\r\nBcc",
        "de\0",
        "de-Latn-DE-1996-x-aaaaaaaa-bbbbbbbbb",
        "de-Latn-DE-1996-x-aaaaaaaa-bbbbbbb-c1",
    ] {
        assert_eq!(LanguageTag::parse(none), Err(NoLanguageTag), "{none}");
    }
}

#[test]
fn languages_of_a_browser_keep_the_order_of_their_weights() {
    for (header, wishes) in [
        ("de", "de"),
        ("zh-TW", "zh-TW"),
        ("de-AT,de;q=0.9,en-US;q=0.8,en;q=0.7", "de-AT,de,en-US,en"),
        ("en;q=0.5, de ; q=0.75 ,\tfr", "fr,de,en"),
        ("en;q=0.001,de;q=0.01,fr;q=0.1,it;Q=1.000", "it,fr,de,en"),
        ("de,DE,de-at,de-AT", "de,de-at"),
        ("a,b,de", "de"),
    ] {
        assert_eq!(accepted(header), wishes, "{header}");
    }
}

#[test]
fn what_is_no_language_or_not_wanted_is_ignored() {
    for header in [
        "",
        ",",
        "*",
        "*;q=0",
        "en;q=0",
        "en;q=0.000",
        "en;q=2",
        "en;q=1.001",
        "en;q=0.1234",
        "en;q=",
        "en;q=-1",
    ] {
        assert_eq!(accepted(header), "", "{header}");
    }
    assert_eq!(accepted("en;q=2,*;q=0.5,;;,de;q=0.1,fr;level=1,../../etc,\u{e4}"), "de");
    assert_eq!(Wishes::of_request(None, [&b"\xff\xfe,de"[..]]).to_string(), "de");
    assert!(Wishes::of_request(None, []).is_empty());
}

#[test]
fn the_language_that_a_login_names_comes_first_and_once() {
    assert_eq!(named("fr", "de,en;q=0.5"), "fr,de,en");
    assert_eq!(named("en", "de,EN;q=0.5"), "en,de");
    assert_eq!(named("de", "de;q=0"), "de");
}

#[test]
fn there_are_at_most_five_wishes_and_the_best_ones() {
    assert_eq!(accepted("aa;q=0.1,bb,cc,dd,ee,ff"), "bb,cc,dd,ee,ff");
    assert_eq!(named("xx", "aa,bb,cc,dd,ee"), "xx,aa,bb,cc,dd");
}

#[test]
fn two_hundred_octets_are_read_and_no_tag_is_cut() {
    let filler = "q".repeat(190);
    assert_eq!(accepted(&format!("{filler},de-AT,fr")), "de-AT,fr");
    assert_eq!(accepted(&format!("{filler}q,de,fr-CH")), "de,fr-CH", "200 octets");
    assert_eq!(accepted(&format!("{filler}q,de,fr-CH,it")), "de,fr-CH");
    assert_eq!(accepted(&format!("{filler}qq,de,fr-CH")), "de", "201 octets");
    assert_eq!(accepted(&format!("{},en", "x".repeat(10_000))), "");
    assert_eq!(accepted(&format!("de,{}", "x,".repeat(5_000))), "de");
    let lines = ["de".as_bytes(), filler.as_bytes(), "en".as_bytes(), b"fr-CH"];
    assert_eq!(Wishes::of_request(None, lines).to_string(), "de,en");
}

#[test]
fn a_header_that_was_written_is_read_and_nothing_else_is_taken_from_one() {
    for list in ["", "de", "de-AT,de,en"] {
        assert_eq!(Wishes::parse(list).to_string(), list);
    }
    assert_eq!(Wishes::parse("de, en,;,fr;q=0.5,../x,it").to_string(), "de,it");
    assert_eq!(Wishes::parse("a1,aa,bb,cc,dd,ee,ff").to_string(), "aa,bb,cc,dd,ee");
}

proptest! {
    #[test]
    fn any_header_gives_a_short_list_that_reads_back(header in proptest::collection::vec(any::<u8>(), 0..300)) {
        let wishes = Wishes::of_request(None, [header.as_slice()]);
        let list = wishes.to_string();
        prop_assert!(wishes.0.len() <= MAX_WISHES && list.len() <= MAX_WISHES * (MAX_TAG + 1));
        prop_assert!(list.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b','));
        prop_assert_eq!(Wishes::parse(&list), wishes);
    }

    #[test]
    fn any_list_of_tags_is_read(tags in proptest::collection::vec("[a-z]{2,3}(-[A-Z]{2})?(;q=0[.][0-9]{1,3})?", 0..8)) {
        let wishes = Wishes::of_request(None, [tags.join(", ").as_bytes()]);
        prop_assert!(wishes.0.len() <= tags.len());
    }
}
