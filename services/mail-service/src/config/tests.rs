use clap::{CommandFactory as _, FromArgMatches as _, builder::Resettable};

use super::{Config, Error, Task, TlsMode};

fn config(args: &[&str]) -> Config {
    let args = ["mail-service", "--redis-url", "redis://localhost"].iter().chain(args);
    // The environment of the test run names servers; these tests are about what is not set.
    let command = Config::command().mut_args(|arg| arg.env(Resettable::Reset));
    Config::from_arg_matches(&command.try_get_matches_from(args).unwrap()).unwrap()
}

fn server(args: &[&str]) -> (String, u16, TlsMode) {
    let smtp = config(args).smtp;
    let has_login = smtp.email_user.is_some();
    smtp.server(has_login).unwrap()
}

#[test]
fn the_command_line_is_consistent() {
    Config::command().debug_assert();
    Task::command().debug_assert();
}

fn task(args: &[&str]) -> Result<Task, clap::Error> {
    let mut command = Task::command().mut_args(|arg| arg.env(Resettable::Reset));
    command = command.mut_subcommand("test-mail", |task| task.mut_args(|arg| arg.env(Resettable::Reset)));
    Task::from_matches(&command.try_get_matches_from(["mail-service"].iter().chain(args))?)
}

#[test]
fn a_test_mail_needs_a_mail_server_and_nothing_else() {
    let test_mail = task(&["test-mail", "--recipient=ada@example.org", "--smtp-host=h"]);
    assert!(matches!(test_mail, Ok(Task::TestMail(_))), "{test_mail:?}");
    assert!(task(&["test-mail", "--smtp-host=h"]).is_err());
}

#[test]
fn without_a_task_it_serves_and_asks_for_what_that_needs() {
    let Task::Serve(config) = task(&["--redis-url=redis://r"]).unwrap() else { panic!("not serving") };
    assert!(config.redis.client().unwrap().is_some());
    assert!(matches!(config.smtp.relay(), Err(Error::NoMailServer)));
    assert!(matches!(config.broker(), Err(Error::Broker(_))));
}

#[test]
fn redis_may_be_missing_and_a_wrong_url_is_refused() {
    let Task::Serve(config) = task(&[]).unwrap() else { panic!("not serving") };
    assert!(config.redis.client().unwrap().is_none());
    let Task::Serve(config) = task(&["--redis-url=http://r"]).unwrap() else { panic!("not serving") };
    assert!(config.redis.client().is_err());
}

#[test]
fn user_and_password_alone_mean_gmail() {
    let args = ["--email-user", "ping@gmail.com", "--email-password", "secret"];
    assert_eq!(server(&args), ("smtp.gmail.com".to_owned(), 465, TlsMode::Implicit));
    let smtp = config(&args).smtp;
    assert_eq!(smtp.writer().unwrap().domain(), "gmail.com");
}

#[test]
fn a_user_that_is_no_address_is_a_sender_at_gmail_alone() {
    let login = ["--email-user", "ping", "--email-password", "secret"];
    assert_eq!(config(&login).smtp.writer().unwrap().sender(), "ping@gmail.com");
    let by_name = [&login[..], &["--smtp-host", "SMTP.gmail.com"]].concat();
    assert_eq!(config(&by_name).smtp.writer().unwrap().sender(), "ping@gmail.com");
    for (user, sender) in [
        (" ping@example.org ", "ping@example.org"),
        ("Ping <ping@example.org>", "ping@example.org"),
        ("PING@Example.org", "PING@Example.org"),
    ] {
        let login = ["--email-user", user, "--email-password", "secret"];
        assert_eq!(config(&login).smtp.writer().unwrap().sender(), sender, "{user}");
    }
    for user in ["ping@", "@example.org", r"DOMAIN\ping", "a b"] {
        let login = ["--email-user", user, "--email-password", "secret", "--smtp-host", "smtp.example.org"];
        assert!(matches!(config(&login).smtp.writer(), Err(Error::UserIsNoSender)), "{user}");
    }
    let elsewhere = [&login[..], &["--smtp-host", "smtp.example.org"]].concat();
    let error = config(&elsewhere).smtp.writer().unwrap_err();
    assert!(matches!(error, Error::UserIsNoSender), "{error}");
    assert!(error.to_string().contains("MAIL_FROM"), "{error}");
    let with_sender = [&elsewhere[..], &["--mail-from", "no-reply@example.org"]].concat();
    assert_eq!(config(&with_sender).smtp.writer().unwrap().sender(), "no-reply@example.org");
}

#[test]
fn encryption_is_the_default_and_none_must_be_named() {
    let host = ["--smtp-host", "relay.example.org"];
    assert_eq!(server(&host), ("relay.example.org".to_owned(), 587, TlsMode::StartTls));
    assert_eq!(server(&[host[0], host[1], "--smtp-port", "465"]).2, TlsMode::Implicit);
    assert_eq!(server(&[host[0], host[1], "--smtp-port", "25"]).2, TlsMode::StartTls);
    let none = server(&[host[0], host[1], "--smtp-tls", "none"]);
    assert_eq!((none.1, none.2), (25, TlsMode::None));
    assert_eq!(server(&["--smtp-host=[2001:db8::7]"]).0, "2001:db8::7");
}

#[test]
fn what_is_missing_is_named() {
    assert!(matches!(config(&[]).smtp.relay(), Err(Error::NoMailServer)));
    assert!(matches!(config(&["--email-user", "a@b.org"]).smtp.relay(), Err(Error::HalfALogin)));
    assert!(matches!(config(&["--smtp-host", "h"]).smtp.writer(), Err(Error::NoSender)));
    assert!(matches!(config(&["--mail-from", "nobody"]).smtp.writer(), Err(Error::Sender(_))));
}

#[test]
fn a_mail_server_is_greeted_with_the_configured_name_or_the_domain_of_the_sender() {
    let hello = |args: &[&str]| {
        let args = [&["--smtp-host=h", "--mail-from=Ping <a@b\u{fc}cher.example>"], args].concat();
        config(&args).smtp.relay().map(|relay| relay.hello.to_string())
    };
    assert_eq!(hello(&[]).unwrap(), "xn--bcher-kva.example");
    for (name, said) in [
        ("mail.example.org", "mail.example.org"),
        ("mail.b\u{fc}cher.example", "mail.xn--bcher-kva.example"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
    ] {
        assert_eq!(hello(&[&format!("--smtp-hello-name={name}")]).unwrap(), said);
    }
    for name in ["mail.example.org\r\nRSET", "192.0.2.1", "my_host", " "] {
        let error = hello(&[&format!("--smtp-hello-name={name}")]).unwrap_err();
        assert!(error.to_string().contains("SMTP_HELLO_NAME cannot be used"), "{error}");
    }
}

#[test]
fn a_sender_that_would_be_more_than_one_header_is_refused_with_the_reason() {
    for (from, reason) in [
        ("Ping\r\nBcc: b <a@example.org>", "line break"),
        ("Pi\u{1}ng <a@example.org>", "control character"),
        ("Ping \u{202e}knab <a@example.org>", "direction of text"),
        ("Ping", "no address"),
    ] {
        let error = config(&["--mail-from", from]).smtp.writer().unwrap_err();
        let said = service_kit::telemetry::chain(&error);
        assert!(said.contains("MAIL_FROM cannot be used") && said.contains(reason), "{said}");
    }
}

#[test]
fn secrets_do_not_print() {
    let printed = format!("{:?}", config(&["--email-user", "a@b.org", "--email-password", "tr0ub4dor"]));
    assert!(!printed.contains("tr0ub4dor"), "{printed}");
}

#[test]
fn the_reference_in_the_docs_is_current() {
    test_kit::documents::assert_configuration("mail-service", &Config::command());
    let command = Task::command();
    let test_mail = command.find_subcommand("test-mail").unwrap();
    test_kit::documents::assert_configuration("mail-service test-mail", test_mail);
}

#[test]
fn a_line_break_at_the_end_of_user_or_password_is_left_out() {
    use secrecy::ExposeSecret as _;
    for end in ["\n", "\r\n"] {
        let smtp = config(&[&format!("--email-user=u{end}"), &format!("--email-password= p {end}")]).smtp;
        assert_eq!(smtp.email_user.as_deref(), Some("u"));
        assert_eq!(smtp.email_password.unwrap().expose_secret(), " p ");
    }
}
