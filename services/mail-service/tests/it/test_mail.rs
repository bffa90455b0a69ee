//! `mail-service test-mail`, the program itself, against a mail server that replies by rules.

use std::{
    process::{Command, Output},
    time::Duration,
};

use ping_contract::{
    login_trouble::LoginTrouble,
    test_mail::{EXIT_FINAL, EXIT_TEMPORARY, TestMailCause, TestMailReport, TestMailResult},
    tls_trouble::TlsTrouble,
};
use test_kit::{
    certificates::Certificate,
    port::free_port,
    smtp::{Phase, Rule, SmtpServer},
};

/// Three times the longest that a run may take.
const SOON: Duration = Duration::from_secs(30);

/// Runs it; its exit status, its report, and what it printed.
async fn run(port: u16, more: &[&str]) -> (i32, TestMailReport, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    command.args(["test-mail", "--smtp-host=127.0.0.1", "--mail-from=no-reply@ping.example"]);
    command.args(["--smtp-connect-timeout=3s", "--smtp-command-timeout=3s", "--recipient=ada@example.org"]);
    command.arg(format!("--smtp-port={port}")).arg(format!("--report={}", file.display())).args(more);
    command.env_clear().env("SMTP_TLS", "none");
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
    let ended: Output = tokio::time::timeout(SOON, ended).await.expect("test-mail did not end").unwrap();
    let printed = [ended.stdout, ended.stderr].concat();
    let report = std::fs::read_to_string(file).unwrap().parse().unwrap();
    (ended.status.code().unwrap(), report, String::from_utf8(printed).unwrap())
}

fn report(answer: TestMailResult, reply: Option<&str>) -> TestMailReport {
    TestMailReport { answer, cause: None, reply: reply.map(str::to_owned) }
}

#[tokio::test]
async fn a_test_mail_arrives_and_is_reported_without_its_recipient() {
    let server = SmtpServer::start().await;
    let (status, result, printed) = run(server.port(), &[]).await;
    assert_eq!((status, result), (0, report(TestMailResult::Delivered, None)));
    let mail = server.wait_for_message_to("ada@example.org", SOON).await;
    assert!(mail.body().contains("sign-in codes"), "{}", mail.body());
    assert!(printed.contains("Delivered") && !printed.contains("ada@example.org"), "{printed}");
}

#[tokio::test]
async fn a_refused_login_is_told_with_its_code_and_nothing_of_the_servers_words() {
    let server = SmtpServer::builder().credentials("ping", "right").start().await;
    server.add_rule(Rule::reply(Phase::Auth, "535 5.7.8 no such account ping, ask Bob"));
    let login = ["--email-user=ping", "--email-password=wr0ng"];
    let (status, result, printed) = run(server.port(), &login).await;
    assert_eq!(
        (status, result),
        (i32::from(EXIT_FINAL), report(TestMailResult::LoginRefused, Some("535 5.7.8")))
    );
    assert!(!printed.contains("Bob") && !printed.contains("wr0ng"), "{printed}");
}

#[tokio::test]
async fn a_refused_recipient_is_final_and_a_deferred_one_is_not() {
    let server = SmtpServer::start().await;
    server.add_rule(Rule::reply(Phase::RcptTo, "451 4.7.1 greylisted").times(1));
    server.add_rule(Rule::reply(Phase::RcptTo, "550 5.1.1 unknown"));
    let (status, result, _) = run(server.port(), &[]).await;
    assert_eq!(
        (status, result),
        (i32::from(EXIT_TEMPORARY), report(TestMailResult::Deferred, Some("451 4.7.1")))
    );
    let (status, result, _) = run(server.port(), &[]).await;
    assert_eq!(
        (status, result),
        (i32::from(EXIT_FINAL), report(TestMailResult::RecipientRefused, Some("550 5.1.1")))
    );
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let (status, result, _) = run(free_port(), &[]).await;
    assert_eq!((status, result), (i32::from(EXIT_TEMPORARY), report(TestMailResult::Unreachable, None)));
}

#[tokio::test]
async fn a_server_without_the_encryption_that_is_asked_for_gets_no_mail() {
    let server = SmtpServer::start().await;
    let (status, result, _) = run(server.port(), &["--smtp-tls=starttls"]).await;
    let cause = Some(TestMailCause::Tls(TlsTrouble::PlainPort));
    let expected = TestMailReport { cause, ..report(TestMailResult::TlsFailed, None) };
    assert_eq!((status, result), (i32::from(EXIT_FINAL), expected));
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn settings_that_make_no_mail_are_told_apart() {
    let server = SmtpServer::start().await;
    let (status, result, printed) = run(server.port(), &["--email-user=ping"]).await;
    assert_eq!((status, result), (i32::from(EXIT_FINAL), report(TestMailResult::Misconfigured, None)));
    assert!(printed.contains("EMAIL_PASSWORD"), "{printed}");
}

#[tokio::test]
async fn a_bad_certificate_and_a_server_without_passwords_are_reported_with_their_cause() {
    let expired = Certificate::expired();
    let server = SmtpServer::builder().starttls_with(&expired).start().await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &expired.authority).unwrap();
    let ca = format!("--smtp-ca-file={}", ca.display());
    let (status, result, printed) = run(server.port(), &["--smtp-tls=starttls", &ca]).await;
    let cause = Some(TestMailCause::Tls(TlsTrouble::Expired));
    assert_eq!(result, TestMailReport { cause, ..report(TestMailResult::TlsFailed, None) });
    assert!(status == i32::from(EXIT_FINAL) && printed.contains("has expired"), "{printed}");

    let server = SmtpServer::builder().mechanisms("XOAUTH2").start().await;
    let login = ["--email-user=ping", "--email-password=s3cret"];
    let (_, result, printed) = run(server.port(), &login).await;
    let cause = Some(TestMailCause::Login(LoginTrouble::OAuthOnly));
    assert_eq!(result, TestMailReport { cause, ..report(TestMailResult::LoginRefused, None) });
    assert!(printed.contains("OAuth") && !printed.contains("s3cret"), "{printed}");
}
