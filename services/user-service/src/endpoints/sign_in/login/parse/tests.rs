use axum::http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use ping_contract::address::EmailAddress;

use super::{ACCEPT_LANGUAGE, IDEMPOTENCY_KEY, Login, parse_idempotency_key, parse_login};
use crate::{http::problem::Problem, rate_limits::ClientIp};

fn login(body: &[u8], headers: &HeaderMap) -> Result<Login, Problem> {
    parse_login(body, headers, || ClientIp::new("192.0.2.7".parse().unwrap()))
}

fn parse_address(body: &[u8]) -> Result<EmailAddress, Problem> {
    login(body, &HeaderMap::new()).map(|login| login.address)
}

#[test]
fn each_wrong_body_has_its_problem() {
    for (body, problem) in [
        ("", Problem::malformed_body()),
        ("{", Problem::malformed_body()),
        (r#"["ada@example.org"]"#, Problem::malformed_body()),
        (r#"{"email":"ada@example.org"}x"#, Problem::malformed_body()),
        ("{}", Problem::email_required()),
        (r#"{"email":null}"#, Problem::email_required()),
        (r#"{"email":""}"#, Problem::email_required()),
        (r#"{"email":7}"#, Problem::email_required()),
        (r#"{"email":["ada@example.org"]}"#, Problem::email_required()),
        (r#"{"email":"ada"}"#, Problem::invalid_address()),
        (r#"{"email":"ada@localhost"}"#, Problem::invalid_address()),
        (r#"{"email":"ada@[127.0.0.1]"}"#, Problem::invalid_address()),
        (r#"{"email":"\"ada\"@example.org"}"#, Problem::invalid_address()),
        (r#"{"email":"ada@example.org\r\nBcc: eve@example.org"}"#, Problem::invalid_address()),
        (r#"{"email":"ada\u0000@example.org"}"#, Problem::invalid_address()),
        ("{\"email\":\"ada.\u{212a}ay@example.org\"}", Problem::invalid_address()),
    ] {
        assert_eq!(parse_address(body.as_bytes()).unwrap_err(), problem, "{body}");
    }
    let long = format!(r#"{{"email":"{}@example.org"}}"#, "a".repeat(300));
    assert_eq!(parse_address(long.as_bytes()).unwrap_err(), Problem::invalid_address());
}

#[test]
fn unknown_fields_and_letter_case_do_not_matter() {
    let address = parse_address(br#"{"name":{"a":[1]},"email":" Ada@Example.ORG "}"#).unwrap();
    assert_eq!(address.as_str(), "ada@example.org");
}

/// The languages of a login with this value of `locale`, in JSON, and this `Accept-Language`.
fn locales(locale: &str, accept_language: &'static str) -> Result<String, Problem> {
    let body = format!(r#"{{"email":"ada@example.org","locale":{locale}}}"#);
    let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(accept_language))]);
    login(body.as_bytes(), &headers).map(|login| login.wishes.to_string())
}

#[test]
fn the_language_of_the_body_comes_before_those_of_the_browser() {
    assert_eq!(locales(r#""de-AT""#, "fr,en;q=0.5").unwrap(), "de-AT,fr,en");
    for none in [r#""""#, "null"] {
        assert_eq!(locales(none, "fr;q=2,en;q=0.5").unwrap(), "en");
    }
    let login = login(br#"{"email":"ada@example.org"}"#, &HeaderMap::new()).unwrap();
    assert!(login.wishes.is_empty());
}

#[test]
fn a_locale_that_is_no_language_tag_is_a_400_that_points_to_it() {
    let long = format!(r#""de-{}""#, "a".repeat(33));
    let several = r#""de-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaa""#;
    assert_eq!((long.len() - 2, several.len() - 2), (36, 36));
    for bad in [
        r#""../../etc""#,
        &long,
        several,
        "7",
        "true",
        r#"["de"]"#,
        r#"{"tag":"de"}"#,
        r#""de_AT""#,
        r#""de,en""#,
        r#""de\r\n""#,
    ] {
        assert_eq!(locales(bad, "fr"), Err(Problem::invalid_locale()), "{bad}");
    }
    assert_eq!(Problem::invalid_locale().code(), "invalid-locale");
    let both = parse_address(br#"{"email":"ada","locale":7}"#);
    assert_eq!(both.unwrap_err(), Problem::invalid_address());
}

#[test]
fn an_idempotency_key_is_one_header_of_up_to_255_printable_characters() {
    let parse = |values: &[&'static [u8]]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        parse_idempotency_key(&headers)
    };
    assert_eq!(parse(&[]).unwrap(), None);
    assert_eq!(parse(&[b""]).unwrap(), None);
    for key in
        ["1", "0123456789abcdef", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "a b~!", "schlüssel-1", "鍵"]
    {
        assert_eq!(parse(&[key.as_bytes()]).unwrap().as_deref(), Some(key));
    }
    assert_eq!(parse(&[b"schl\xfcssel"]).unwrap().as_deref(), Some("schlüssel"));
    assert!(parse(&[&[b'x'; 255]]).is_ok());
    assert!(parse(&["ü".repeat(255).leak().as_bytes()]).is_ok());
    let wrong: [&[&'static [u8]]; 4] =
        [&[b"a\tb"], &[&[b'x'; 256]], &[b"0123456789abcde\x80"], &[b"0123456789abcdef", b"0123456789abcdef"]];
    for values in wrong {
        assert_eq!(parse(values).unwrap_err(), Problem::invalid_idempotency_key(), "{values:?}");
    }
}

/// At least these many cases; `PROPTEST_CASES=1000000` for a long run.
fn many() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(20_000), ..default }
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let valid = r#"{"email":"ada+tag@example.org","other":[1,{"a":null}]}"#.as_bytes();
    let mutated = (any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>()).prop_map(
        |(at, byte, end)| {
            let mut body = valid.to_vec();
            body[at.index(valid.len())] = byte;
            body.truncate(valid.len() - end.index(valid.len()) / 2);
            body
        },
    );
    let address = r#"[ -~\u{0}-\u{1f}é\u{212a}@."\\]{0,40}"#
        .prop_map(|email: String| serde_json::to_vec(&serde_json::json!({ "email": email })).unwrap());
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..80), mutated, address]
}

proptest! {
    #![proptest_config(many())]

    /// Any bytes end as an address in its normal form, or as a 400.
    #[test]
    fn any_body_is_an_address_or_a_400(body in bodies()) {
        match parse_address(&body) {
            Ok(address) => {
                prop_assert!(address.as_str().is_ascii() && !address.as_str().contains(char::is_control));
                prop_assert_eq!(address.as_str().parse(), Ok(address.clone()));
            }
            Err(problem) => prop_assert_eq!(problem.status().as_u16(), 400),
        }
    }
}
