use axum::http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{IDEMPOTENCY_KEY, parse_address, parse_idempotency_key};
use crate::http::problem::Problem;

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
