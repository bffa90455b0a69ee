//! What goes over the wire: encryption, login, pipelining, and that nothing of an event becomes a command.

use std::{fs, time::SystemTime};

use lettre::transport::smtp::authentication::Credentials;
use mail_service::{
    message::{MessageWriter, RenderedMail},
    smtp::{
        Failure, Pool, Relay, Reply,
        phase::Phase,
        tls::{Security, TlsMode},
    },
};
use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
    tls_trouble::TlsTrouble,
};
use proptest::{prelude::*, test_runner::TestRunner};
use test_kit::smtp::{Phase as ServerPhase, Rule, SmtpServer};

use crate::smtp::{LIMITS, SHORT, pool, relay, send};

fn written(event: &MailEvent) -> RenderedMail {
    let writer = MessageWriter::new("no-reply@ping.example").unwrap();
    writer.write(event, None, &EventId::from_bytes([9; 16]), SystemTime::now()).unwrap()
}

pub(crate) fn mail(to: &str) -> RenderedMail {
    let to = EmailAddress::parse(to).unwrap();
    written(&MailEvent::sign_in_code(EventId::from_bytes([9; 16]), to, "482931", 5))
}

/// A pool that trusts what the server says of itself, or nobody.
fn encrypted(server: &SmtpServer, mode: TlsMode, trust: bool) -> Pool {
    encrypted_with(server, mode, trust, None)
}

fn encrypted_with(server: &SmtpServer, mode: TlsMode, trust: bool, credentials: Option<Credentials>) -> Pool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, server.certificate()).unwrap();
    let security = Security::new(mode, trust.then_some(file.as_path())).unwrap();
    let host = "localhost".to_owned();
    Pool::new(Relay { host, security, credentials, ..relay(server, SHORT) }, LIMITS)
}

#[tokio::test]
async fn starttls_and_implicit_tls_deliver_to_a_trusted_server_and_to_no_other() {
    for mode in [TlsMode::StartTls, TlsMode::Implicit] {
        let builder = SmtpServer::builder();
        let builder = if mode == TlsMode::StartTls { builder.starttls() } else { builder.implicit_tls() };
        let server = builder.start().await;
        assert_eq!(send(&encrypted(&server, mode, true), "ada@example.org").await, Ok(()), "{mode:?}");
        let untrusted = send(&encrypted(&server, mode, false), "bob@example.org").await;
        let unknown = Failure::Handshake { trouble: TlsTrouble::UnknownCa };
        assert_eq!(untrusted, Err(unknown), "{mode:?}");
        assert_eq!(server.messages().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_no_longer_offers_starttls_gets_no_mail_in_the_clear() {
    let server = SmtpServer::builder().starttls().start().await;
    server.add_rule(Rule::reply(ServerPhase::Hello, "250-localhost\r\n250 8BITMIME"));
    let result = send(&encrypted(&server, TlsMode::StartTls, true), "ada@example.org").await;
    assert_eq!(result, Err(Failure::Unsupported { phase: Phase::Tls }));
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn the_right_login_delivers_and_the_wrong_one_is_told() {
    let server = SmtpServer::builder().credentials("ping", "right").start().await;
    for (password, expected) in [("right", Ok(())), ("wrong", Err(535))] {
        let credentials = Some(Credentials::new("ping".to_owned(), password.to_owned()));
        let pool = Pool::new(Relay { credentials, ..relay(&server, SHORT) }, LIMITS);
        let code = send(&pool, "ada@example.org").await.map_err(|f| f.reply().map_or(0, |reply| reply.code));
        assert_eq!(code, expected, "{password}");
    }
}

fn offers_pipelining(server: &SmtpServer) {
    server.add_rule(Rule::reply(ServerPhase::Hello, "250-localhost\r\n250 PIPELINING"));
}

/// Three replies come for one write; each is read, whatever the others are.
#[tokio::test]
async fn pipelined_replies_stay_in_step_whatever_is_refused() {
    let server = SmtpServer::start().await;
    offers_pipelining(&server);
    server.add_rule(Rule::reply(ServerPhase::RcptTo, "550 no").to_recipient("bad@example.org"));
    let pool = pool(&server);
    let refused = |phase, code| Err(Failure::Refused { phase, reply: Reply::new(code) });
    for _ in 0..3 {
        assert_eq!(send(&pool, "ada@example.org").await, Ok(()));
        assert_eq!(send(&pool, "bad@example.org").await, refused(Phase::Rcpt, 550));
    }
    server.add_rule(Rule::reply(ServerPhase::MailFrom, "452 full").times(1));
    assert_eq!(send(&pool, "ada@example.org").await, refused(Phase::Mail, 452));
    assert_eq!(send(&pool, "ada@example.org").await, Ok(()));
    assert_eq!(server.delivered().len(), 4);
}

/// A server that asks for the content of a mail whose recipient it refused waits for it: no other command gets through.
#[tokio::test]
async fn a_session_that_waits_for_a_refused_mails_content_is_dropped() {
    let server = SmtpServer::start().await;
    offers_pipelining(&server);
    server.add_rule(Rule::reply(ServerPhase::Data, "354 go on").times(1));
    server.add_rule(Rule::reply(ServerPhase::RcptTo, "550 no").times(1));
    let pool = pool(&server);
    let refused = Failure::Refused { phase: Phase::Rcpt, reply: Reply::new(550) };
    assert_eq!(send(&pool, "bad@example.org").await, Err(refused));
    assert_eq!(send(&pool, "ada@example.org").await, Ok(()));
}

/// Who can write into the clear part of a session injects replies that the client reads after the handshake, each instead of
/// a true one: in the end a refused mail counts as delivered.
#[tokio::test]
async fn replies_injected_before_tls_make_no_refused_mail_a_delivered_one() {
    let server = SmtpServer::builder().starttls().start().await;
    let injected = "220 go\r\n250-localhost\r\n250 8BITMIME\r\n250 localhost\r\n250 ok";
    server.add_rule(Rule::reply(ServerPhase::StartTls, injected));
    server.add_rule(Rule::reply(ServerPhase::DataEnd, "554 5.7.1 no"));
    let result = send(&encrypted(&server, TlsMode::StartTls, true), "ada@example.org").await;
    assert_eq!(result, Err(Failure::Broken { phase: Phase::Tls }));
    assert!(server.messages().is_empty());
}

/// Each of these texts once had a mail sent again and again, or a wrong password called a wrong host.
#[tokio::test]
async fn replies_are_understood_by_their_codes_whatever_their_texts() {
    for text in [&b"zugestellt f\xfcr ada"[..], b"", b"\xff\xfe\0", b"2.0.0 \xd0\xb3\xd0\xbe\xd1\x82"] {
        let server = SmtpServer::builder().credentials("ping", "right").start().await;
        let reply = |code: &[u8]| [code, if text.is_empty() { b"" } else { b" " }, text].concat();
        for (phase, code) in [
            (ServerPhase::Connect, b"220"),
            (ServerPhase::MailFrom, b"250"),
            (ServerPhase::RcptTo, b"250"),
            (ServerPhase::Data, b"354"),
            (ServerPhase::DataEnd, b"250"),
        ] {
            server.add_rule(Rule::reply(phase, reply(code)));
        }
        let login = |password: &str| Some(Credentials::new("ping".to_owned(), password.to_owned()));
        let pool = Pool::new(Relay { credentials: login("right"), ..relay(&server, SHORT) }, LIMITS);
        assert_eq!(send(&pool, "ada@example.org").await, Ok(()), "{text:?}");
        assert_eq!(server.delivered().len(), 1, "{text:?}");
        server.add_rule(Rule::reply(ServerPhase::Auth, reply(b"535")));
        let pool = Pool::new(Relay { credentials: login("wrong"), ..relay(&server, SHORT) }, LIMITS);
        let refused = Failure::Refused { phase: Phase::Login, reply: Reply::new(535) };
        assert_eq!(send(&pool, "ada@example.org").await, Err(refused), "{text:?}");
    }
}

#[tokio::test]
async fn keywords_of_ehlo_are_understood_in_any_case() {
    let server = SmtpServer::builder().starttls().credentials("ping", "right").start().await;
    let offer = "250-localhost\r\n250-startTLS\r\n250-   \r\n250 Auth Login plain";
    server.add_rule(Rule::reply(ServerPhase::Hello, offer));
    let credentials = Some(Credentials::new("ping".to_owned(), "right".to_owned()));
    let pool = encrypted_with(&server, TlsMode::StartTls, true, credentials);
    assert_eq!(send(&pool, "ada@example.org").await, Ok(()));
}

/// Whatever an event says: one mail, one recipient, no header of its making, and the body as it was written.
#[test]
fn no_event_adds_a_header_a_recipient_or_a_mail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(SmtpServer::start());
    let pool = pool(&server);
    let text = prop_oneof![
        "(?s).{0,120}",
        "[\\r\\n\\.A-Za-z:<>@ ]{0,120}",
        Just("\r\n.\r\nMAIL FROM:<eve@example.net>\r\nRCPT TO:<eve@example.net>\r\nDATA\r\n".to_owned()),
        Just("x\r\nBcc: eve@example.net\r\n\r\nbody".to_owned()),
    ];
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let strategy = ("[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}", text.clone(), text);
    let result = runner.run(&strategy, |(local, subject, body)| {
        let to = EmailAddress::parse(&format!("{local}@example.org")).unwrap();
        let event = MailEvent {
            id: None,
            to: to.clone(),
            also_to: vec![],
            unusable_recipients: 0,
            subject,
            body,
            purpose: None,
            locale: None,
        };
        let expires = tokio::time::Instant::now() + std::time::Duration::from_mins(5);
        let before = server.messages().len();
        let result = runtime.block_on(pool.send(&written(&event), expires));
        prop_assert_eq!(result, Ok(()));
        let messages = server.messages();
        prop_assert_eq!(messages.len(), before + 1);
        let mail = messages.last().unwrap();
        prop_assert_eq!(&mail.recipients, &[to.as_str().to_owned()]);
        prop_assert_eq!(mail.sender.as_str(), "no-reply@ping.example");
        let mut names = mail.headers().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        names.sort_unstable();
        let expected = "Auto-Submitted Content-Transfer-Encoding Content-Type Date From MIME-Version Message-ID Subject To X-Auto-Response-Suppress";
        prop_assert_eq!(names.join(" "), expected);
        Ok(())
    });
    result.unwrap();
    assert_eq!(server.connections(), 2, "a connection was lost on the way, or the property ended early");
}
