//! Sealing and opening together.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ping_contract::{
    address::EmailAddress,
    event::{EventError, EventId, MailEvent},
};
use proptest::prelude::*;

use crate::{Binding, Contents, OpenError, Opener, PrivateKey, SealedEvent, Sealer};

const EXPIRES_AT_MS: i64 = 1_790_000_300_000;

fn private_key(seed: u8) -> PrivateKey {
    PrivateKey::from_random([seed; 32]).unwrap()
}

fn contents() -> Contents {
    Contents {
        to: EmailAddress::parse("ada@example.org").unwrap(),
        code: "482931".to_owned(),
        ttl_seconds: 300,
    }
}

fn sealer(seed: u8) -> Sealer {
    Sealer::new(&private_key(seed).public_key(), &mut rand::rng()).unwrap()
}

fn id(octet: u8) -> EventId {
    EventId::from_bytes([octet; 16])
}

fn seal(sealer: &Sealer, nonce: u8) -> Vec<u8> {
    let id = id(1);
    let binding = Binding { id: &id, purpose: "sign-in", expires_at_ms: EXPIRES_AT_MS };
    sealer.seal(binding, &contents(), [nonce; 12]).unwrap()
}

fn read(json: &[u8]) -> SealedEvent {
    SealedEvent::parse(json).unwrap().expect("a sealed event")
}

#[test]
fn what_was_sealed_is_opened_with_the_private_key() {
    let event = read(&seal(&sealer(7), 1));
    let opener = Opener::new([private_key(8), private_key(7)]);
    assert_eq!(opener.open(&event, EXPIRES_AT_MS), Ok(contents()));
    assert_eq!((event.id, event.purpose.as_str()), (id(1), "sign-in"));
}

#[test]
fn nothing_readable_is_left_in_the_event() {
    let json = seal(&sealer(7), 1);
    let text = String::from_utf8(json.clone()).unwrap();
    for secret in ["482931", "ada", "example.org"] {
        assert!(!text.contains(secret), "{secret} in {text}");
        assert!(!text.contains(&STANDARD.encode(secret)), "{secret} encoded in {text}");
    }
    assert!(json.len() < 500, "an event of {} octets", json.len());
    // Every event looks different, the same contents too.
    assert_ne!(read(&json).ciphertext, read(&seal(&sealer(7), 1)).ciphertext);
    assert_eq!(format!("{:?}", contents()), "Contents { .. }");
}

#[test]
fn what_is_moved_to_another_event_purpose_or_hour_is_tampered_with() {
    let event = read(&seal(&sealer(7), 1));
    let opener = Opener::new([private_key(7)]);
    let moved = SealedEvent { id: id(2), ..event.clone() };
    assert_eq!(opener.open(&moved, EXPIRES_AT_MS), Err(OpenError::Tampered));
    let moved = SealedEvent { purpose: "notice".to_owned(), ..event.clone() };
    assert_eq!(opener.open(&moved, EXPIRES_AT_MS), Err(OpenError::Tampered));
    assert_eq!(opener.open(&event, EXPIRES_AT_MS + 1), Err(OpenError::Tampered));
    assert_eq!(opener.open(&event, EXPIRES_AT_MS), Ok(contents()));
}

#[test]
fn a_changed_bit_anywhere_is_tampering() {
    let event = read(&seal(&sealer(7), 1));
    let opener = Opener::new([private_key(7)]);
    for bit in 0..8 {
        let mut changed = event.clone();
        changed.nonce[3] ^= 1 << bit;
        assert_eq!(opener.open(&changed, EXPIRES_AT_MS), Err(OpenError::Tampered));
        let mut changed = event.clone();
        changed.encapsulated[3] ^= 1 << bit;
        assert_eq!(opener.open(&changed, EXPIRES_AT_MS), Err(OpenError::Tampered));
        for place in 0..event.ciphertext.len() {
            let mut changed = event.clone();
            changed.ciphertext[place] ^= 1 << bit;
            assert_eq!(opener.open(&changed, EXPIRES_AT_MS), Err(OpenError::Tampered), "octet {place}");
        }
    }
    let short = SealedEvent { ciphertext: vec![0; 3], ..event.clone() };
    assert_eq!(opener.open(&short, EXPIRES_AT_MS), Err(OpenError::Tampered));
    // A point of low order, with which everybody agrees on the same key.
    let low = SealedEvent { encapsulated: [0; 32], ..event };
    assert_eq!(opener.open(&low, EXPIRES_AT_MS), Err(OpenError::Tampered));
    assert_eq!(opener.kept(), 0, "nothing of a forged event is kept");
}

#[test]
fn a_key_that_is_not_here_is_said_so() {
    let event = read(&seal(&sealer(7), 1));
    assert_eq!(Opener::new([private_key(8)]).open(&event, EXPIRES_AT_MS), Err(OpenError::UnknownKey));
    assert_eq!(Opener::new([]).open(&event, EXPIRES_AT_MS), Err(OpenError::UnknownKey));
    // Under the name of another key it is not opened either.
    let renamed = SealedEvent { key_id: private_key(8).public_key().id().to_string(), ..event };
    assert_eq!(Opener::new([private_key(8)]).open(&renamed, EXPIRES_AT_MS), Err(OpenError::Tampered));
}

#[test]
fn agreed_keys_are_kept_within_a_bound() {
    let opener = Opener::new([private_key(7)]);
    let public = private_key(7).public_key();
    let first = read(&seal(&Sealer::new(&public, &mut rand::rng()).unwrap(), 1));
    for _ in 0..300 {
        let event = read(&seal(&Sealer::new(&public, &mut rand::rng()).unwrap(), 1));
        assert_eq!(opener.open(&event, EXPIRES_AT_MS), Ok(contents()));
        assert!(opener.kept() <= 256);
    }
    assert_eq!(opener.open(&first, EXPIRES_AT_MS), Ok(contents()), "it is agreed on again");
}

#[test]
fn an_event_of_another_version_is_left_to_its_reader() {
    let clear = MailEvent::sign_in_code(id(1), contents().to, "482931", 5).to_json();
    let others: [&[u8]; 5] = [
        &clear,
        br#"{"to":"ada@example.org","subject":"s","body":"\"sealed\""}"#,
        br#"{"v":3,"sealed":{}}"#,
        b"\"sealed\"",
        b"",
    ];
    for bytes in others {
        assert_eq!(SealedEvent::parse(bytes), Ok(None));
    }
}

#[test]
fn a_sealed_event_of_another_form_is_malformed() {
    let good = String::from_utf8(seal(&sealer(7), 1)).unwrap();
    let key_id = private_key(7).public_key().id().to_string();
    for (from, to) in [
        ("\"e\":\"", "\"e\":\"A"),
        ("\"n\":\"", "\"n\":\"AAAA"),
        ("\"c\":\"", "\"c\":\"*"),
        (&key_id, "k\",\"x\":1,\"n\":\""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_eq!(SealedEvent::parse(bad.as_bytes()), Err(EventError::Malformed), "{bad}");
    }
    let bad = good.replacen(id(1).as_str(), "../../etc", 1);
    assert_eq!(SealedEvent::parse(bad.as_bytes()), Err(EventError::Id));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SealedEvent::parse(&bytes);
    }
}

proptest! {
    // Each case agrees on a key.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_contents_come_back(code in "[0-9]{6}", ttl in 1_u64..3600, nonce in any::<[u8; 12]>()) {
        let contents = Contents { code, ttl_seconds: ttl, ..contents() };
        let id = id(9);
        let binding = Binding { id: &id, purpose: "sign-in", expires_at_ms: EXPIRES_AT_MS };
        let json = sealer(7).seal(binding, &contents, nonce).unwrap();
        let opener = Opener::new([private_key(7)]);
        prop_assert_eq!(opener.open(&read(&json), EXPIRES_AT_MS), Ok(contents));
    }
}
