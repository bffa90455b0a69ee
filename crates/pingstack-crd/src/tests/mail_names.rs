//! The rules on senders and on the name in `EHLO`, beside the parsers that have the last word.

use ping_contract::{hello_name::HelloName, sender::Sender};
use serde_json::{Value, json};

use super::rules::{assert_accepted, assert_said, created};

fn from(text: &str) -> Value {
    json!({ "smtp": { "from": text } })
}

fn hello(text: &str) -> Value {
    json!({ "smtp": { "helloName": text } })
}

#[test]
fn a_sender_that_can_be_sent_is_accepted_whatever_characters_its_name_has() {
    let longest = format!("{} <{}@example.org>", "n".repeat(200), "a".repeat(64));
    let quoted = format!("\"{}\" <a@example.org>", "\\\"".repeat(150));
    let senders = [
        "no-reply@example.org",
        "Ping <no-reply@example.org>",
        "Ping<no-reply@example.org>",
        "<no-reply@example.org>",
        "root@localhost",
        "Ping, Inc. <a@example.org>",
        "Ping: [Test] (1) @ Home; \\o/ <a@example.org>",
        "\"Ping <3 \\\"you\\\"\" <a@example.org>",
        "a.b+c@example.org (Ping)",
        "Büro Graz 🏢 <a@bücher.example>",
        "פינג <a@xn--bcher-kva.example.>",
        "a@[192.0.2.1]",
        "a@b.c_d.example",
        &longest,
        &quoted,
    ];
    for text in senders {
        assert!(Sender::parse(text).is_ok(), "{text}");
        assert_eq!(created(from(text)), Ok(()), "{text}");
    }
}

#[test]
fn a_sender_that_is_none_is_refused_in_plain_words() {
    let texts = [
        "no-reply",
        "Ping",
        "a@.",
        "@b.",
        "Ping <>",
        "Ping a@example.org",
        "a@example.org, b@example.org",
        "Ping <a@b> <c@example.org>",
        "müller@example.org",
        "a@-b.example",
        "a@b-.example",
        "a@b..example",
        "a@_b.example",
        ".a@example.org",
        "a..b@example.org",
    ];
    for text in texts {
        assert!(Sender::parse(text).is_err(), "{text}");
        assert_said("from is not a sender: write an address", [from(text)]);
    }
}

#[test]
fn a_sender_with_a_line_break_or_a_direction_is_refused_in_plain_words() {
    for text in [
        "Ping\r\nBcc: b@example.org <a@example.org>",
        "Pi\nng <a@example.org>",
        "Pi\0ng <a@example.org>",
        "Pi\u{1b}ng <a@example.org>",
        "Pi\u{85}ng <a@example.org>",
        "Pi\u{2028}ng <a@example.org>",
        "a@example.org\r\nBcc: x",
    ] {
        assert!(Sender::parse(text).is_err(), "{text}");
        assert_said("from has a line break or another control character", [from(text)]);
    }
    for text in
        ["Ping \u{202e}knab <a@example.org>", "\u{2066}Ping <a@example.org>", "Ping\u{61c} <a@example.org>"]
    {
        assert!(Sender::parse(text).is_err(), "{text}");
        assert_said("from has a character that changes the direction of text", [from(text)]);
    }
}

#[test]
fn a_sender_that_is_too_long_is_refused_in_plain_words() {
    let name = "n".repeat(201);
    for text in [
        format!("{name} <a@example.org>"),
        format!("\"{name}\" <a@example.org>"),
        format!("a@example.org ({name})"),
        format!("Ping <{}@example.org>", "a".repeat(65)),
        format!("{}@example.org", "a".repeat(65)),
        format!("a@{}example.org", "b.".repeat(130)),
    ] {
        assert!(Sender::parse(&text).is_err(), "{text}");
        assert_said("from is too long", [from(&text)]);
    }
}

#[test]
fn a_greeting_names_a_domain_or_an_address_in_brackets() {
    let names = [
        "mail.example.org",
        "localhost",
        "1.mail-2.example.org",
        "mail.bücher.example",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
        "[IPv6:::ffff:192.0.2.1]",
    ];
    assert!(names.iter().all(|name| name.parse::<HelloName>().is_ok()));
    assert_accepted(names.map(hello));
    let label = "a".repeat(64);
    let none = [
        "mail example.org",
        "mail.example.org\r\nRSET",
        "mail\0.example.org",
        "mail..example.org",
        "-mail.example.org",
        "mail-.example.org",
        "my_host",
        "ping@example.org",
        "192.0.2.1",
        "2001:db8::1",
        "[192.0.2]",
        "[2001:db8::1]",
        "[IPv6:mail]",
        "<mail>",
        &label,
    ];
    for name in none {
        assert!(name.parse::<HelloName>().is_err(), "{name}");
        assert_said("helloName is not a name for EHLO", [hello(name)]);
    }
}
