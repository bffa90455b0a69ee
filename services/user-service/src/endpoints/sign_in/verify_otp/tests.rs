use proptest::prelude::*;

use super::parse_try;
use crate::http::problem::Problem;

#[test]
fn each_wrong_body_has_its_problem() {
    for (body, problem) in [
        ("nonsense", Problem::malformed_body()),
        ("{}", Problem::fields_required("/email")),
        (r#"{"otp":"482931"}"#, Problem::fields_required("/email")),
        (r#"{"email":"ada@example.org"}"#, Problem::fields_required("/otp")),
        (r#"{"email":"ada@example.org","otp":""}"#, Problem::fields_required("/otp")),
        (r#"{"email":"ada@example.org","otp":null}"#, Problem::fields_required("/otp")),
        (r#"{"email":"ada@example.org","otp":482931}"#, Problem::mistyped_code()),
        (r#"{"email":"ada@example.org","otp":0}"#, Problem::mistyped_code()),
        (r#"{"email":"ada@example.org","otp":["482931"]}"#, Problem::mistyped_code()),
        (r#"{"email":"ada@example.org","otp":012345}"#, Problem::malformed_body()),
        (r#"{"email":"ada","otp":"482931"}"#, Problem::invalid_address()),
        (r#"{"email":"ada@example.org","otp":"48293"}"#, Problem::invalid_code()),
        (r#"{"email":"ada@example.org","otp":"48293x"}"#, Problem::invalid_code()),
        (r#"{"email":"ada@example.org","otp":"482931","challenge":1}"#, Problem::invalid_challenge()),
    ] {
        assert_eq!(parse_try(body.as_bytes()).unwrap_err(), problem, "{body}");
    }
}

#[test]
fn a_code_that_is_no_text_is_mistyped_whatever_number_it_is() {
    for otp in [
        "482931",
        "-482931",
        "482931.0",
        "4.82931e5",
        "1E400",
        "-1e-400",
        "12345",
        "0",
        "-0",
        "340282366920938463463374607431768211456",
        "true",
        "false",
        "{}",
        "[]",
        r#"{"a":[1e999]}"#,
    ] {
        let body = format!(r#"{{"email":"ada@example.org","otp":{otp},"more":1e999}}"#);
        assert_eq!(parse_try(body.as_bytes()).unwrap_err(), Problem::mistyped_code(), "{otp}");
    }
}

#[test]
fn a_try_is_address_code_and_perhaps_a_challenge() {
    let attempt = parse_try(br#"{"email":"Ada@example.org","otp":" 482-931 ","challenge":"00ff"}"#).unwrap();
    assert_eq!((attempt.address.as_str(), attempt.code.as_str()), ("ada@example.org", "482931"));
    assert_eq!(attempt.challenge.as_deref(), Some("00ff"));
    let without = parse_try(br#"{"email":"ada@example.org","otp":"482931","challenge":null}"#).unwrap();
    assert_eq!(without.challenge, None);
}

#[test]
fn debug_prints_neither_address_nor_code() {
    let text = format!("{:?}", parse_try(br#"{"email":"ada@example.org","otp":"482931"}"#).unwrap());
    assert!(!text.contains("482931") && !text.contains("ada@"), "{text}");
}

/// At least these many cases; `PROPTEST_CASES=1000000` for a long run.
fn many() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(20_000), ..default }
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let valid = r#"{"email":"ada@example.org","otp":"482931","challenge":"00ff00ff"}"#.as_bytes();
    let mutated = (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| {
        let mut body = valid.to_vec();
        body[at.index(valid.len())] = byte;
        body
    });
    let codes = r"[0-9 \-０-９٤x]{0,12}".prop_map(|otp: String| {
        serde_json::to_vec(&serde_json::json!({ "email": "ada@example.org", "otp": otp })).unwrap()
    });
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..80), mutated, codes]
}

proptest! {
    #![proptest_config(many())]

    /// Any bytes end as six digits for an address, or as a 400.
    #[test]
    fn any_body_is_a_try_or_a_400(body in bodies()) {
        match parse_try(&body) {
            Ok(attempt) => {
                prop_assert_eq!(attempt.code.as_str().len(), 6);
                prop_assert!(attempt.code.as_str().bytes().all(|b| b.is_ascii_digit()));
            }
            Err(problem) => prop_assert_eq!(problem.status().as_u16(), 400),
        }
    }
}
