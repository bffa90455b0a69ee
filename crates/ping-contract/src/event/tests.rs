use proptest::prelude::*;

use super::{EventError, EventId, MailEvent};
use crate::address::EmailAddress;

fn ada() -> EmailAddress {
    EmailAddress::parse("ada@example.org").unwrap()
}

fn event() -> MailEvent {
    MailEvent::sign_in_code(EventId::from_bytes([0xA5; 16]), ada(), "482931", 5)
}

#[test]
fn the_json_is_what_was_promised() {
    let json = String::from_utf8(event().to_json()).unwrap();
    assert_eq!(
        json,
        r#"{"v":1,"id":"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5","to":"ada@example.org","subject":"Your OTP Code","body":"Your OTP code is 482931. It is valid for 5 minutes.","purpose":"sign-in"}"#
    );
}

/// Every form ever published must go on being read: add to this list, take nothing away.
#[test]
fn every_form_ever_published_is_read() {
    let original = br#"{"to":"Ada@example.org","subject":"Hello","body":"x"}"#;
    let read = MailEvent::parse(original).unwrap();
    assert_eq!((read.id, read.to, read.subject.as_str(), read.body.as_str()), (None, ada(), "Hello", "x"));

    let v1 = br#"{"v":1,"id":"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5","to":"ada@example.org","subject":"Your OTP Code","body":"Your OTP code is 482931. It is valid for 5 minutes.","purpose":"sign-in","later":{"field":1}}"#;
    assert_eq!(MailEvent::parse(v1).unwrap(), event());
}

#[test]
fn a_json_string_that_holds_the_object_is_unwrapped_once() {
    let once = serde_json::to_vec(&String::from_utf8(event().to_json()).unwrap()).unwrap();
    assert_eq!(MailEvent::parse(&once).unwrap(), event());
    let twice = serde_json::to_vec(&String::from_utf8(once).unwrap()).unwrap();
    assert_eq!(MailEvent::parse(&twice), Err(EventError::Malformed));
}

#[test]
fn escapes_in_texts_are_decoded() {
    let read = MailEvent::parse(br#"{"to":"a@b.org","subject":"\u00e9\n","body":"\"q\""}"#).unwrap();
    assert_eq!((read.subject.as_str(), read.body.as_str()), ("é\n", "\"q\""));
}

#[test]
fn what_is_not_an_event_has_a_reason() {
    let cases: [(&[u8], EventError); 12] = [
        (b"", EventError::Malformed),
        (b"nonsense", EventError::Malformed),
        (br#"["a@b.org","s","b"]"#, EventError::Malformed),
        (br#"{"v":1,"to":"a@b.org","subject":"s"}"#, EventError::Malformed),
        (br#"{"v":1,"to":"a@b.org","subject":1,"body":"b"}"#, EventError::Malformed),
        (br#"{"v":1,"to":"Ada <a@b.org>","subject":"s","body":"b"}"#, EventError::Recipient),
        (br#"{"subject":"s","body":"b"}"#, EventError::Malformed),
        (br#"{"to":null,"subject":"s","body":"b"}"#, EventError::Malformed),
        (br#"{"to":"a@b.org","subject":{},"body":"b"}"#, EventError::Malformed),
        (br#"{"v":2,"to":"a@b.org","subject":"s","body":"b"}"#, EventError::Version),
        (br#"{"v":1,"id":"ada@example.org","to":"a@b.org","subject":"s","body":"b"}"#, EventError::Id),
        (br#"{"to":"a@b\r\nBcc: c@d.org","subject":"s","body":"b"}"#, EventError::Recipient),
    ];
    for (bytes, expected) in cases {
        assert_eq!(MailEvent::parse(bytes), Err(expected), "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(MailEvent::parse(&vec![b' '; 64 * 1024 + 1]), Err(EventError::TooLarge));
}

#[test]
fn an_event_of_another_publisher_is_read_in_every_form_that_the_original_mailed() {
    let read = |json: &str| MailEvent::parse_with_local(json.as_bytes(), &["localhost".to_owned()]).unwrap();
    for (json, subject, body) in [
        (r#"{"to":"Ada <Ada@example.org>","subject":"s","body":"b"}"#, "s", "b"),
        (r#"{"to":["ada@example.org"],"subject":"s","body":"b"}"#, "s", "b"),
        (r#"{"to":"ada@example.org","body":"b"}"#, "", "b"),
        (r#"{"to":"ada@example.org","subject":null}"#, "", ""),
        (r#"{"to":"ada@example.org","subject":7,"body":true}"#, "7", "true"),
        (r#"{"to":"ada@example.org","subject":null,"body":null}"#, "", ""),
        (r#"{"to":"ada@example.org","subject":"s","body":1.5}"#, "s", "1.5"),
        // Fields of its own, whatever they are called.
        (r#"{"id":"order-7","to":"ada@example.org","subject":"s","body":"b"}"#, "s", "b"),
        (r#"{"id":7,"to":"ada@example.org","subject":"s","body":"b","locale":{"a":1}}"#, "s", "b"),
        (
            r#"{"to":"ada@example.org","cc":"eve@example.org","bcc":["zoe@example.org"],"subject":"s","body":"b"}"#,
            "s",
            "b",
        ),
    ] {
        let event = read(json);
        assert_eq!((event.id, event.to, event.also_to), (None, ada(), vec![]), "{json}");
        assert_eq!((event.subject.as_str(), event.body.as_str()), (subject, body), "{json}");
    }
    let several = read(r#"{"to":"ada@example.org, bob@example.org, nobody","subject":"s","body":"b"}"#);
    assert_eq!((several.to, several.also_to.len(), several.unusable_recipients), (ada(), 1, 1));
    let local = br#"{"to":"root@localhost","subject":"s","body":"b"}"#;
    assert_eq!(read(str::from_utf8(local).unwrap()).to.as_str(), "root@localhost");
    assert_eq!(MailEvent::parse(local), Err(EventError::Recipient));
}

#[test]
fn debug_shows_no_code_and_no_full_address() {
    let text = format!("{:?}", event());
    assert!(!text.contains("482931") && !text.contains("ada@"), "{text}");
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = MailEvent::parse(&bytes);
    }

    #[test]
    fn what_was_written_is_read_back(subject in "\\PC*", body in "(?s).*", seed in any::<[u8; 16]>()) {
        let written = MailEvent { id: Some(EventId::from_bytes(seed)), to: ada(), also_to: vec![], unusable_recipients: 0, subject, body, purpose: None, locale: None };
        prop_assert_eq!(MailEvent::parse(&written.to_json()), Ok(written));
    }
}
