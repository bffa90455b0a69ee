use proptest::prelude::*;

use super::{AddressError, EmailAddress};

fn parsed(input: &str) -> String {
    match EmailAddress::parse(input) {
        Ok(address) => address.as_str().to_owned(),
        Err(error) => panic!("{input:?}: {error}"),
    }
}

#[test]
fn letters_become_lower_case_and_spaces_around_go() {
    assert_eq!(parsed("  Ada.Lovelace@Example.ORG "), "ada.lovelace@example.org");
}

#[test]
fn an_address_is_read_as_people_type_and_paste_it() {
    for typed in [
        "ada@example.org\n",
        "\u{a0}ada@example.org\u{3000}",
        "\u{feff}ada@example.org\u{200b}",
        "\u{2068}\u{200e}ada@example.org\u{2069}",
        "\u{ad}\u{2060} ada@example.org\t\u{fe0f}",
        "ada＠example.org",
        "ada﹫example.org",
        "ada@example.org.",
        "ada@example.org. \n",
        "ada＠example。org。",
        "ada@ｅｘａｍｐｌｅ．ｏｒｇ",
    ] {
        assert_eq!(parsed(typed), "ada@example.org", "{typed:?}");
    }
}

#[test]
fn what_is_not_seen_is_refused_inside_an_address() {
    for typed in [
        "a\u{200b}da@example.org",
        "ada\u{ad}@example.org",
        "ada@\u{feff}example.org",
        "ada@exam\u{200b}ple.org",
        "ada@exam\u{ad}ple.org",
        "ada @example.org",
        "ada@ example.org",
        "ada@exa\u{a0}mple.org",
        "ada@example.org\u{200b}.",
        "ada@example.org\0",
    ] {
        assert!(EmailAddress::parse(typed).is_err(), "{typed:?}");
    }
}

#[test]
fn a_domain_may_have_underscores_and_two_hyphens_in_a_row() {
    assert_eq!(parsed("ada@ex_ample.org"), "ada@ex_ample.org");
    assert_eq!(parsed("ada@Mail_1.Example.org"), "ada@mail_1.example.org");
    assert_eq!(parsed("ada@ab--cd.example.org"), "ada@ab--cd.example.org");
}

#[test]
fn an_international_domain_becomes_punycode() {
    assert_eq!(parsed("ada@bücher.example"), "ada@xn--bcher-kva.example");
}

#[test]
fn the_kelvin_sign_is_not_taken_for_a_k() {
    assert_eq!(EmailAddress::parse("\u{212A}im@example.org"), Err(AddressError::LocalPart));
}

#[test]
fn what_cannot_be_mailed_safely_is_refused() {
    let cases = [
        ("", AddressError::Malformed),
        ("ada", AddressError::Malformed),
        ("@example.org", AddressError::Malformed),
        ("ada@", AddressError::Domain),
        ("ada@localhost", AddressError::Domain),
        ("ada@example.org..", AddressError::Domain),
        ("ada@example.org。.", AddressError::Domain),
        ("ada@.", AddressError::Domain),
        (".", AddressError::Malformed),
        ("ada@xn--a.org", AddressError::Domain),
        ("ada@exam+ple.org", AddressError::Domain),
        ("a＠b@example.org", AddressError::LocalPart),
        ("a@b＠example.org", AddressError::Malformed),
        ("ada@[127.0.0.1]", AddressError::Domain),
        ("ada@127.0.0.1", AddressError::Domain),
        ("ada@-x.org", AddressError::Malformed),
        ("ada@a..org", AddressError::Domain),
        ("\"a b\"@example.org", AddressError::LocalPart),
        ("a\\b@example.org", AddressError::LocalPart),
        ("ädä@example.org", AddressError::LocalPart),
        ("a b@example.org", AddressError::Malformed),
        ("a@b@example.org", AddressError::Malformed),
        (".a@example.org", AddressError::Malformed),
        ("a..b@example.org", AddressError::Malformed),
        ("a@b.org\r\nBcc: x@y.org", AddressError::Malformed),
        ("a\0@example.org", AddressError::Malformed),
        ("<a@example.org>", AddressError::Domain),
        ("a,b@example.org", AddressError::Malformed),
    ];
    for (input, expected) in cases {
        assert_eq!(EmailAddress::parse(input), Err(expected), "{input:?}");
    }
}

#[test]
fn the_longest_address_has_254_octets_and_the_longest_local_part_64() {
    let domain = format!("{}.{}.{}.org", "d".repeat(63), "e".repeat(63), "f".repeat(57));
    let longest = format!("{}@{domain}", "a".repeat(64));
    assert_eq!(longest.len(), 254);
    assert_eq!(parsed(&longest), longest);
    assert_eq!(EmailAddress::parse(&format!("b{longest}")), Err(AddressError::TooLong));
    assert_eq!(EmailAddress::parse(&format!("{}@example.org", "a".repeat(65))), Err(AddressError::TooLong));
}

#[test]
fn a_domain_without_a_dot_is_taken_only_where_it_is_named() {
    let domains = ["LocalHost".to_owned()];
    let parsed = |text: &str| {
        EmailAddress::parse_with_local(text, &domains).map(|address| address.as_str().to_owned())
    };
    assert_eq!(parsed(" Root@LOCALHOST ").as_deref(), Ok("root@localhost"));
    assert_eq!(parsed("ada@example.org").as_deref(), Ok("ada@example.org"));
    assert_eq!(parsed("root@otherhost"), Err(AddressError::Domain));
    assert_eq!(parsed("a b@localhost"), Err(AddressError::Malformed));
    assert_eq!(EmailAddress::parse("root@localhost"), Err(AddressError::Domain));
}

#[test]
fn a_tag_is_ignored_where_limits_count() {
    let address = EmailAddress::parse("ada+news@example.org").unwrap();
    assert_eq!(address.without_tag(), "ada@example.org");
    assert_eq!(EmailAddress::parse("+x@example.org").unwrap().without_tag(), "+x@example.org");
    assert_eq!(EmailAddress::parse("ada@example.org").unwrap().without_tag(), "ada@example.org");
}

#[test]
fn it_prints_masked() {
    let address = EmailAddress::parse("ada@example.org").unwrap();
    assert_eq!(address.to_string(), "a***@example.org");
    assert_eq!(format!("{address:?}"), "EmailAddress(a***@example.org)");
}

proptest! {
    /// The name says what must hold; how many cases run is `PROPTEST_CASES` (`make fuzz` runs 10^6).
    #[test]
    fn any_text_is_refused_or_normalised_for_good(input in "\\PC{0,80}|[a-z+.@\"\\\\\\[\\]\r\n\0-]{0,40}|[a-z_@＠.。\u{200b}\u{a0} -]{1,20}@[a-z_.。\u{ad}-]{1,20}|[a-zA-Z+.]{1,20}@[a-zA-Z.]{1,20}") {
        if let Ok(address) = EmailAddress::parse(&input) {
            let text = address.as_str();
            prop_assert!(text.is_ascii() && text.len() <= 254);
            prop_assert!(!text.bytes().any(|b| b.is_ascii_control() || b.is_ascii_uppercase() || b == b' '));
            prop_assert_eq!(text.matches('@').count(), 1);
            prop_assert!(address.domain().contains('.'));
            prop_assert_eq!(EmailAddress::parse(text), Ok(address.clone()));
            let mailbox = address.without_tag();
            prop_assert!(mailbox.ends_with(&text[text.rfind('@').unwrap()..]) && text.starts_with(&mailbox[..1]));
        }
    }
}
