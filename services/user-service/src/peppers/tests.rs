use ping_contract::address::EmailAddress;

use super::{Pepper, PepperError, Peppers, challenge_hash};

const KEY_A: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const KEY_B: &str = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100";

fn current(peppers: &Peppers) -> Pepper {
    peppers.all()[0].clone()
}

#[test]
fn a_digest_is_bound_to_pepper_address_and_code() {
    let peppers = Peppers::parse(&format!("b:{KEY_B},a:{KEY_A}")).unwrap();
    let ada = EmailAddress::parse("ada@example.org").unwrap();
    let eve = EmailAddress::parse("eve@example.org").unwrap();
    let code = "482931";
    let other = "482932";
    let b = peppers.all()[0].clone();
    let a = peppers.all()[1].clone();
    assert_eq!((b.kid(), a.kid()), ("b", "a"));
    let digest = b.code_digest(&ada, code);
    assert_eq!(digest, b.code_digest(&ada, code));
    for different in [a.code_digest(&ada, code), b.code_digest(&eve, code), b.code_digest(&ada, other)] {
        assert_ne!(digest, different);
    }
}

/// Computed by another implementation: Python's `hmac`, over the parts joined by NUL.
#[test]
fn the_digest_is_hmac_sha256_over_the_named_parts() {
    let pepper = current(&Peppers::parse(&format!("a:{KEY_A}")).unwrap());
    let digest = pepper.code_digest(&EmailAddress::parse("ada@example.org").unwrap(), "482931");
    assert_eq!(digest, "0431ef8fd3f9e39c96e336fd78f2efb07a0eb74ce37f43fdb7e9f8bec9b9279e");
}

#[test]
fn a_challenge_is_128_bits_and_follows_from_the_issue() {
    let pepper = current(&Peppers::derived_from(b"a secret"));
    let challenge = pepper.challenge("00ff");
    assert_eq!(challenge.len(), 32);
    assert_eq!(challenge, pepper.challenge("00ff"));
    assert_ne!(challenge, pepper.challenge("00fe"));
    assert_ne!(challenge_hash(&challenge), challenge);
}

#[test]
fn peppers_that_cannot_be_used_are_named_without_being_shown() {
    for (text, error) in [
        (String::new(), PepperError::None),
        (KEY_A.to_owned(), PepperError::Malformed),
        (format!(":{KEY_A}"), PepperError::Malformed),
        (format!("a b:{KEY_A}"), PepperError::Malformed),
        ("a:xyz".to_owned(), PepperError::Malformed),
        ("a:0011".to_owned(), PepperError::TooShort),
        (format!("a:{KEY_A}\na:{KEY_B}"), PepperError::Doubled),
    ] {
        assert_eq!(Peppers::parse(&text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn a_rotation_reaches_every_clone_and_a_wrong_one_changes_nothing() {
    let peppers = Peppers::parse(&format!("a:{KEY_A}")).unwrap();
    let clone = peppers.clone();
    assert_eq!(peppers.replace(&format!("b:{KEY_B}\na:{KEY_A}\n")), Ok(true));
    assert_eq!(current(&clone).kid(), "b");
    assert_eq!(peppers.replace("nonsense"), Err(PepperError::Malformed));
    assert_eq!(current(&clone).kid(), "b");
}

#[test]
fn debug_prints_no_key() {
    let text = format!("{:?}", Peppers::parse(&format!("a:{KEY_A}")).unwrap());
    assert!(text.contains("\"a\"") && !text.contains("0102"), "{text}");
}
