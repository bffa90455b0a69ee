use std::time::{Duration, SystemTime};

use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
};
use proptest::prelude::*;

use super::MessageWriter;

const ROOT: [u8; 16] = [0x5A; 16];

fn event(subject: &str, body: &str) -> MailEvent {
    MailEvent {
        id: None,
        to: EmailAddress::parse("ada@example.org").unwrap(),
        also_to: vec![],
        unusable_recipients: 0,
        subject: subject.to_owned(),
        body: body.to_owned(),
        purpose: None,
        locale: None,
    }
}

fn written(subject: &str, body: &str) -> String {
    let writer = MessageWriter::new("Ping <no-reply@ping.example>").unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mail = writer.write(&event(subject, body), None, &EventId::from_bytes(ROOT), now).unwrap();
    assert_eq!(mail.sender(), "no-reply@ping.example");
    assert_eq!(mail.recipients(), ["ada@example.org"]);
    String::from_utf8(mail.content().to_vec()).unwrap()
}

/// Names of the header fields, in order, and the body.
fn parts(content: &str) -> (Vec<&str>, &str) {
    let (head, body) = content.split_once("\r\n\r\n").expect("headers end with an empty line");
    let fields = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    (fields.map(|line| line.split_once(':').expect("a field has a colon").0).collect(), body)
}

const FIELDS: [&str; 10] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

fn sorted(mut fields: Vec<&str>) -> Vec<&str> {
    fields.sort_unstable();
    fields
}

#[test]
fn a_sign_in_mail_is_plain_text_with_the_headers_a_reader_expects() {
    let content = written("Your OTP Code", "Your OTP code is 482931. It is valid for 5 minutes.");
    let (fields, body) = parts(&content);
    assert_eq!(sorted(fields), sorted(FIELDS.to_vec()), "{content}");
    assert_eq!(body, "Your OTP code is 482931. It is valid for 5 minutes.");
    for line in [
        "From: Ping <no-reply@ping.example>",
        "To: ada@example.org",
        "Subject: Your OTP Code",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Message-ID: <5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a@ping.example>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
    ] {
        assert!(content.lines().any(|l| l == line), "{line} is missing in\n{content}");
    }
}

#[test]
fn a_subject_with_a_line_end_stays_one_header() {
    for subject in
        ["a\r\nBcc: eve@example.net", "a\nBcc: eve@example.net", "a\rBcc: x", "\r\n\r\nbody", "a\0b", "\u{1}"]
    {
        let content = written(subject, "text");
        assert_eq!(sorted(parts(&content).0), sorted(FIELDS.to_vec()), "{content}");
        assert!(!content.contains("\nBcc:") && !content.contains('\0'), "{content}");
    }
}

#[test]
fn a_body_cannot_end_the_message_or_carry_a_bare_line_end() {
    let content = written("s", "one\r.\r\ntwo\n.\nthree\r\n.\r\nMAIL FROM:<eve@example.net>");
    assert!(is_crlf_only(&content), "{content:?}");
}

fn is_crlf_only(content: &str) -> bool {
    let rest = content.replace("\r\n", "");
    !rest.contains('\r') && !rest.contains('\n')
}

proptest! {
    #[test]
    fn no_subject_or_body_adds_a_header(subject in "(?s).{0,200}", body in "(?s).{0,400}") {
        let content = written(&subject, &body);
        prop_assert_eq!(sorted(parts(&content).0), sorted(FIELDS.to_vec()));
        prop_assert!(content.is_ascii());
        prop_assert!(is_crlf_only(&content), "{:?}", content);
        prop_assert!(content.bytes().all(|b| matches!(b, b'\t' | b'\r' | b'\n' | 32..=126)), "{:?}", content);
        prop_assert!(content.split("\r\n").all(|line| line.len() <= 998));
    }
}

fn from(sender: &str) -> (MessageWriter, String) {
    let writer = MessageWriter::new(sender).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mail = writer.write(&event("s", "b"), None, &EventId::from_bytes(ROOT), now).unwrap();
    assert_eq!(mail.sender(), writer.sender());
    (writer, String::from_utf8(mail.content().to_vec()).unwrap())
}

/// The names that people give, of which some are no atoms, and one would be more than one header.
#[test]
fn a_sender_as_people_write_it_is_one_header_and_one_address() {
    for (sender, header) in [
        ("Ping, Inc. <no-reply@ping.example>", "\"Ping, Inc.\" <no-reply@ping.example>"),
        ("\"Ping\" <no-reply@ping.example>", "Ping <no-reply@ping.example>"),
        ("no-reply@ping.example (Ping: a \"test\")", "\"Ping: a \\\"test\\\"\" <no-reply@ping.example>"),
        ("Büro @ Ping <no-reply@ping.example>", "=?utf-8?b?QsO8cm8gQCBQaW5n?= <no-reply@ping.example>"),
        ("<no-reply@ping.example>", "no-reply@ping.example"),
    ] {
        let (writer, content) = from(sender);
        assert!(content.contains(&format!("From: {header}\r\n")), "{content}");
        assert_eq!(writer.sender(), "no-reply@ping.example");
        assert_eq!(sorted(parts(&content).0), sorted(FIELDS.to_vec()));
    }
    for from in [
        "Pi\nng <a@ping.example>",
        "Pi\0ng <a@ping.example>",
        "Pi\u{202e}ng <a@ping.example>",
        "Ping <a@ping.example\r\nBcc: b@c.example>",
        "apikey",
        "",
    ] {
        assert!(MessageWriter::new(from).is_err(), "{from}");
    }
}

#[test]
fn an_international_domain_is_punycode_wherever_it_is_written() {
    let (writer, content) = from("Ping <a@b\u{fc}cher.example>");
    assert_eq!((writer.sender(), writer.domain()), ("a@xn--bcher-kva.example", "xn--bcher-kva.example"));
    assert!(content.contains("From: Ping <a@xn--bcher-kva.example>\r\n"), "{content}");
    assert!(
        content.contains("Message-ID: <5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a@xn--bcher-kva.example>\r\n"),
        "{content}"
    );
}

proptest! {
    #[test]
    fn any_name_that_is_taken_makes_a_mail(name in "(?s).{0,200}") {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(writer) = MessageWriter::new(&format!("\"{quoted}\" <a@ping.example>")) {
            let mail = writer.write(&event("s", "b"), None, &EventId::from_bytes(ROOT), SystemTime::UNIX_EPOCH).unwrap();
            let content = String::from_utf8(mail.content().to_vec()).unwrap();
            prop_assert_eq!(sorted(parts(&content).0), sorted(FIELDS.to_vec()));
            prop_assert!(content.is_ascii() && is_crlf_only(&content), "{:?}", content);
        }
    }
}
