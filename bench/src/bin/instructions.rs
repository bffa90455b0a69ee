//! How many instructions the pure steps of a login and of its mail take, counted by callgrind: parse, validate, make a
//! code, digest, serialise, render. A step is run a hundred times, so that what only the first run does hardly counts.
//! Texts lie on the heap and so at the same alignment in every build: the check for UTF-8 takes 127 or 253 instructions for the
//! same body, by where the linker happened to put it (measured).
//! `make bench-micro` runs this and compares the counts with `bench/instructions.json`.
#![expect(clippy::disallowed_methods, reason = "gungraun's macros make a main that exits")]
#![expect(clippy::unwrap_used, reason = "a step that fails fails its benchmark")]

use std::{hint::black_box, time::SystemTime};

use gungraun::prelude::*;
use mail_service::message::MessageWriter;
use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
};
use serde::Deserialize;
use user_service::{
    codes::Code,
    http::body::{Field, parse_object},
    peppers::Peppers,
};

/// The services' own: counts do not depend on the machine's C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TIMES: usize = 100;
const ADDRESS: &str = "Ada.Lovelace+ping@Mail.Example.org";
const BODY: &[u8] = br#"{"email":"Ada.Lovelace+ping@Mail.Example.org"}"#;

/// As user-service reads a login.
#[derive(Deserialize)]
struct LoginRequest<'a> {
    #[serde(borrow, default)]
    email: Field<'a>,
}

fn again<T>(mut step: impl FnMut() -> T) {
    for _ in 0..TIMES {
        black_box(step());
    }
}

fn address() -> EmailAddress {
    EmailAddress::parse(ADDRESS).unwrap()
}

fn digest_input() -> (Peppers, EmailAddress, Code) {
    (Peppers::derived_from(&[7; 32]), address(), Code::parse("482931").unwrap())
}

fn event() -> MailEvent {
    MailEvent::sign_in_code(EventId::from_bytes([7; 16]), address(), "482931", 5)
}

fn render_input() -> (MessageWriter, MailEvent, EventId) {
    (MessageWriter::new("Ping <no-reply@example.org>").unwrap(), event(), EventId::from_bytes([7; 16]))
}

#[library_benchmark]
#[bench::login(BODY.to_vec())]
fn parse(body: Vec<u8>) {
    again(|| parse_object::<LoginRequest<'_>>(black_box(&body)).unwrap().email.text().map(str::len));
}

#[library_benchmark]
#[bench::address(ADDRESS.to_owned())]
fn validate(text: String) {
    again(|| EmailAddress::parse(black_box(&text)).unwrap());
}

#[library_benchmark]
fn make_code() {
    again(|| Code::random().unwrap());
}

#[library_benchmark]
#[bench::code(digest_input())]
fn digest((peppers, address, code): (Peppers, EmailAddress, Code)) {
    again(|| peppers.all()[0].code_digest(black_box(&address), black_box(code.as_str())));
}

#[library_benchmark]
#[bench::event(event())]
fn serialise(event: MailEvent) {
    again(|| black_box(&event).to_json());
}

#[library_benchmark]
#[bench::mail(render_input())]
fn render((writer, event, root): (MessageWriter, MailEvent, EventId)) {
    again(|| writer.write(black_box(&event), None, &root, SystemTime::UNIX_EPOCH).unwrap());
}

library_benchmark_group!(name = steps, benchmarks = [parse, validate, make_code, digest, serialise, render]);

main!(library_benchmark_groups = steps);
