use std::time::Duration;

use clap::{CommandFactory as _, Parser as _, builder::Resettable};

use super::{Config, ConfigError, DirectoryCommand, Task};
use crate::rate_limits::Policy;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn config(arguments: &[&str]) -> Result<Config, clap::Error> {
    let fixed = ["user-service", "--redis-url", "redis://localhost", "--rabbitmq-url", "amqp://localhost"];
    Config::try_parse_from(fixed.iter().chain(arguments))
}

#[test]
fn every_setting_is_documented_and_consistent() {
    Config::command().debug_assert();
    for argument in Config::command().get_arguments() {
        assert!(argument.get_help().is_some(), "{} has no help", argument.get_id());
    }
}

#[test]
fn the_defaults_are_the_design() {
    let config = config(&["--jwt-secret", SECRET]).unwrap();
    config.validate().unwrap();
    let limits = config.limits.limits();
    assert_eq!((limits.code_ttl.as_secs(), limits.resend_after.as_secs(), limits.max_attempts), (300, 60, 5));
    let login = limits.login.iter().map(|q| (q.policy, q.places, q.window.as_secs())).collect::<Vec<_>>();
    assert_eq!(
        login,
        [
            (Policy::LoginAddress, 5, 900),
            (Policy::LoginAddressDay, 50, 86_400),
            (Policy::LoginAddressAll, 10, 900),
            (Policy::LoginAddressAllDay, 100, 86_400),
            (Policy::LoginIp, 20, 900),
            (Policy::LoginNetwork, 200, 900),
        ]
    );
    assert_eq!(limits.verify.iter().map(|q| q.places).collect::<Vec<_>>(), [60, 600]);
    assert_eq!(limits.wrong_tries.free_a_day, 20);
    assert_eq!(limits.wrong_tries.longest_wait, Duration::from_hours(1));
}

#[test]
fn a_quota_of_zero_is_off() {
    let config =
        config(&["--jwt-secret", SECRET, "--login-per-ip", "0", "--login-per-address", "0"]).unwrap();
    let policies = config.limits.limits().login.iter().map(|q| q.policy).collect::<Vec<_>>();
    assert_eq!(policies, [Policy::LoginAddressDay, Policy::LoginAddressAllDay]);
}

#[test]
fn a_short_secret_must_be_asked_for_by_name() {
    let short = config(&["--jwt-secret", "short"]).unwrap();
    assert!(matches!(short.validate(), Err(ConfigError::ShortSecret)));
    config(&["--jwt-secret", "short", "--allow-short-jwt-secret"]).unwrap().validate().unwrap();
}

#[test]
fn long_lives_and_many_attempts_must_be_asked_for_by_name() {
    let error = |arguments: &[&str]| {
        config(&[&["--jwt-secret", SECRET], arguments].concat()).unwrap().validate().err()
    };
    assert!(error(&["--code-ttl-seconds", "600", "--login-max-attempts", "10"]).is_none());
    assert!(matches!(error(&["--code-ttl-seconds", "601"]), Some(ConfigError::LongCodeTtl)));
    assert!(matches!(error(&["--login-max-attempts", "11"]), Some(ConfigError::ManyAttempts)));
    assert!(error(&["--code-ttl-seconds", "601", "--allow-long-code-ttl"]).is_none());
    assert!(error(&["--login-max-attempts", "11", "--allow-many-attempts"]).is_none());
    assert!(error(&["--login-max-attempts", "11", "--allow-long-code-ttl"]).is_some());
}

#[test]
fn switches_that_are_on_can_be_turned_off() {
    let options = |arguments: &[&str]| {
        config(&[&["--jwt-secret", SECRET], arguments].concat()).unwrap().account_options()
    };
    let usual = options(&[]);
    assert!(usual.check_session && usual.list_users && !usual.require_challenge);
    let off = options(&["--authz-check-session", "false", "--list-users", "false", "--require-challenge"]);
    assert!(!off.check_session && !off.list_users && off.require_challenge);
}

#[test]
fn a_request_must_outlast_its_publish() {
    let config = config(&["--jwt-secret", SECRET, "--request-timeout", "4s"]).unwrap();
    assert!(matches!(config.validate(), Err(ConfigError::Timeouts)));
}

#[test]
fn wrong_values_are_refused_with_what_to_write() {
    for (name, value, says) in [
        ("--trusted-proxies", "10.0.0.0/33", "10.0.0.0/8"),
        ("--allowed-origins", "app.example.org", "https://app.example.org"),
        ("--allowed-origins", "https://app.example.org/", "without a path"),
        ("--allowed-headers", "x tenant", "x-tenant"),
        ("--request-timeout", "5", "5m"),
    ] {
        let error = config(&["--jwt-secret", SECRET, name, value]).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn origins_are_compared_as_browsers_send_them() {
    let origins = "HTTPS://App.Example.org:443, capacitor://localhost";
    let pages = config(&["--jwt-secret", SECRET, "--allowed-origins", origins]).unwrap().allowed_pages();
    assert_eq!(pages.origins, ["https://app.example.org", "capacitor://localhost"]);
}

#[test]
fn tokens_have_one_kind_of_key_and_the_error_names_what_is_missing_or_doubled() {
    let error = |arguments: &[&str]| config(arguments).unwrap().validate().unwrap_err();
    let none = error(&[]);
    assert!(matches!(none, ConfigError::NoTokenKey));
    assert!(none.to_string().contains("JWT_SECRET") && none.to_string().contains("TOKEN_SIGNING_KEYS_DIR"));
    let both = error(&["--jwt-secret", SECRET, "--token-signing-keys-dir", "/keys"]);
    assert!(matches!(both, ConfigError::TwoTokenKeys), "{both}");
    let no_ids = error(&["--token-signing-keys-dir", "/keys"]);
    assert!(matches!(no_ids, ConfigError::NoUserIdSecret) && no_ids.to_string().contains("USER_ID_SECRET"));
    for more in [["--mongo-uri", "mongodb://localhost"], ["--user-id-secret", SECRET]] {
        config(&[&["--token-signing-keys-dir", "/keys"], &more[..]].concat()).unwrap().validate().unwrap();
    }
}

#[test]
fn a_wrong_mongo_uri_is_refused_without_being_quoted() {
    let config = config(&["--jwt-secret", SECRET, "--mongo-uri", "http://ada:hunter2@host"]).unwrap();
    let error = service_kit::telemetry::chain(&config.validate().unwrap_err());
    assert!(
        error.contains("MONGO_URI") && error.contains("mongodb+srv://") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn a_cookie_domain_is_a_domain() {
    let domain = |text| {
        let parsed = config(&["--jwt-secret", SECRET, "--auth-cookie-domain", text]).ok();
        parsed.and_then(|config| config.accounts.auth_cookie_domain)
    };
    assert_eq!(domain(".Example.org").as_deref(), Some("example.org"));
    for text in ["https://example.org", "example.org; Path=/x", "example.org:443", ""] {
        assert_eq!(domain(text), None, "{text}");
    }
}

#[test]
fn no_secret_is_printed() {
    let config = config(&["--jwt-secret", SECRET]).unwrap();
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn the_reference_in_the_docs_is_current() {
    test_kit::documents::assert_configuration("user-service", &Config::command());
}

fn task(arguments: &[&str]) -> Result<Task, clap::Error> {
    let mut command = Task::command().mut_args(|arg| arg.env(Resettable::Reset));
    command = command.mut_subcommand("directory", |task| task.mut_args(|arg| arg.env(Resettable::Reset)));
    Task::from_matches(&command.try_get_matches_from(["user-service"].iter().chain(arguments))?)
}

#[test]
fn a_command_on_the_directory_needs_its_uri_and_nothing_else() {
    Task::command().debug_assert();
    let Task::Directory(check) = task(&["directory", "check", "--mongo-uri=mongodb://h"]).unwrap() else {
        panic!("not a command on the directory");
    };
    assert_eq!(check.command, DirectoryCommand::Check);
    check.settings().unwrap();
    let Task::Directory(restore) = task(&["directory", "restore"]).unwrap() else {
        panic!("not a command on the directory");
    };
    assert!(matches!(restore.settings(), Err(ConfigError::NoDirectory)));
    assert!(task(&[]).unwrap_err().to_string().contains("--redis-url"));
}

#[test]
fn a_database_has_a_name_that_mongodb_accepts() {
    let database = |name: &str| {
        let parsed = config(&["--jwt-secret", SECRET, "--mongo-uri=mongodb://h", "--mongo-database", name]);
        parsed.ok().and_then(|config| config.accounts.directory()).and_then(|settings| settings.database)
    };
    assert_eq!(database("ping-users").as_deref(), Some("ping-users"));
    for name in ["", "a b", "a/b", "a.b", "a$b", &"a".repeat(64)] {
        assert_eq!(database(name), None, "{name}");
    }
}
