use super::{BrokerTarget, Error, RedisTarget, validate};
use crate::fixtures::{self, EXTERNAL, FULL, MINIMAL, references, secret, stack};

#[test]
fn the_samples_are_valid() {
    let minimal = fixtures::validated(MINIMAL);
    assert!(matches!(minimal.redis, RedisTarget::Managed(_)));
    assert_eq!(minimal.owner_tag, "c1u5ter/team/demo");
    assert_eq!(minimal.rotations.broker_passwords, "");
    assert_eq!(fixtures::validated(FULL).rotations.broker_passwords, "2026-11");
}

#[test]
fn an_external_broker_comes_with_its_administrator() {
    let BrokerTarget::External(broker) = fixtures::validated(EXTERNAL).broker else {
        panic!("it is external")
    };
    assert_eq!((broker.username.as_str(), broker.password.as_str()), ("ping-admin", "broker-s3cret"));
    assert_eq!(broker.ca.as_deref(), Some(b"broker CA".as_slice()));
    assert!(!format!("{broker:?}").contains("s3cret"));
}

#[test]
fn the_administrators_password_is_used_without_one_line_break_and_with_its_spaces() {
    for (written, used) in [("p\n", "p"), ("p\r\n", "p"), (" p ", " p "), ("p\n\n", "p\n")] {
        let mut references = references();
        let admin = secret("broker-admin", &[("username", "ping-admin\n"), ("password", written)]);
        references.secrets.insert("broker-admin".to_owned(), Some(admin));
        let stack = validate(&stack(EXTERNAL), references).unwrap();
        let BrokerTarget::External(broker) = stack.broker else { panic!("it is external") };
        assert_eq!((broker.username.as_str(), broker.password.as_str()), ("ping-admin", used));
        assert!(!stack.line_ends.is_empty());
    }
}

#[test]
fn a_secret_that_does_not_exist_is_named_with_its_field() {
    for (yaml, name, field) in [
        (FULL, "smtp", "smtp.credentialsSecretRef"),
        (FULL, "mail-ca", "smtp.caSecretRef"),
        (FULL, "tokens", "tokens.jwtSecretRef"),
        (FULL, "directory", "users.mongoUriSecretRef"),
        (EXTERNAL, "redis", "redis.external.urlSecretRef"),
        (EXTERNAL, "broker-admin", "rabbitmq.external.adminSecretRef"),
        (EXTERNAL, "broker-ca", "rabbitmq.external.tls.caSecretRef"),
    ] {
        let mut references = references();
        references.secrets.insert(name.to_owned(), None);
        let error = validate(&stack(yaml), references).unwrap_err();
        assert_eq!(error, Error::SecretMissing { field, secret: name.to_owned() });
        assert_eq!(error.reason(), "SecretMissing");
        assert!(error.to_string().contains(name) && error.to_string().contains("create it"), "{error}");
    }
}

#[test]
fn a_key_that_is_missing_or_empty_is_named() {
    for data in [&[("EMAIL_USER", "u")][..], &[("EMAIL_USER", "u"), ("EMAIL_PASSWORD", "")]] {
        let mut references = references();
        references.secrets.insert("smtp".to_owned(), Some(secret("smtp", data)));
        let error = validate(&stack(FULL), references).unwrap_err();
        let key = "EMAIL_PASSWORD".to_owned();
        assert_eq!(
            error,
            Error::KeyMissing { field: "smtp.credentialsSecretRef", secret: "smtp".to_owned(), key }
        );
    }
}

#[test]
fn a_trusted_proxy_must_be_a_network() {
    let mut stack = stack(FULL);
    stack.spec.login.trusted_proxies = vec!["10.0.0.0/99".to_owned()];
    let error = validate(&stack, references()).unwrap_err();
    assert_eq!(error.reason(), "InvalidSpec");
    assert!(error.to_string().contains("10.244.0.0/16"));
}

#[test]
fn neither_managed_nor_external_is_refused_even_without_the_crd() {
    let mut stack = stack(MINIMAL);
    stack.spec.redis.managed = None;
    assert_eq!(validate(&stack, references()).unwrap_err(), Error::ManagedOrExternal { part: "redis" });
}

#[test]
fn the_content_of_a_referenced_secret_decides_its_hash() {
    let before = fixtures::validated(FULL).reference_hashes;
    let mut references = references();
    references
        .secrets
        .insert("smtp".to_owned(), Some(secret("smtp", &[("EMAIL_USER", "u"), ("EMAIL_PASSWORD", "new")])));
    let after = validate(&stack(FULL), references).unwrap().reference_hashes;
    assert_ne!(before["smtp"], after["smtp"]);
    assert_eq!(before["tokens"], after["tokens"]);
}

/// mail-service would end over it again and again.
#[test]
fn a_sender_that_mail_service_would_refuse_is_refused_before_anything_is_rolled_out() {
    for from in
        ["Ping <a@b> <c@example.org>", "a@example.org, b@example.org", "müller@example.org", "a@-b.example"]
    {
        let mut stack = stack(MINIMAL);
        stack.spec.smtp.from = from.to_owned();
        let error = validate(&stack, references()).unwrap_err();
        assert!(matches!(error, Error::Sender(_)), "{from}: {error}");
        assert_eq!(error.reason(), "InvalidSpec");
        assert!(error.to_string().contains("smtp.from"), "{error}");
    }
    for from in
        ["Ping, Inc. <a@example.org>", "\"Ping\" <a@example.org>", "Ping <a@bücher.example>", "a@localhost"]
    {
        let mut stack = stack(MINIMAL);
        stack.spec.smtp.from = from.to_owned();
        assert!(validate(&stack, references()).is_ok(), "{from}");
    }
}

#[test]
fn a_greeting_that_mail_service_would_refuse_is_refused_before_anything_is_rolled_out() {
    let with = |name: &str| {
        let mut stack = stack(MINIMAL);
        stack.spec.smtp.hello_name = Some(name.to_owned());
        validate(&stack, references())
    };
    for name in ["[IPv6:1:2]", "mail.example.org\r\nRSET", "bü cher.example"] {
        let error = with(name).unwrap_err();
        assert!(matches!(error, Error::HelloName(_)), "{name}: {error}");
        assert_eq!(error.reason(), "InvalidSpec");
        assert!(error.to_string().contains("smtp.helloName"), "{error}");
    }
    assert!(with("mail.bücher.example").is_ok());
}
