//! The servers that the environment names.

use std::env;

use crate::broker::Broker;

/// How to reach the shared Mailpit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    pub smtp_host: String,
    /// Port of SMTP, plain text.
    pub smtp_port: u16,
    /// Base of Mailpit's API and page.
    pub url: String,
}

/// The shared RabbitMQ. Tests take a [`Vhost`](crate::vhost::Vhost) of their own on it.
///
/// # Panics
/// Outside `dev/with-servers`, when `RABBITMQ_HOST` and its companions are not set.
#[must_use]
pub fn shared_broker() -> Broker {
    Broker {
        host: named("RABBITMQ_HOST"),
        port: port("RABBITMQ_PORT"),
        user: named("RABBITMQ_USER"),
        password: named("RABBITMQ_PASSWORD"),
        management_url: named("RABBITMQ_MANAGEMENT_URL"),
    }
}

/// The shared Redis, database 0. Tests take a database of their own with [`fresh_database`](super::fresh_database).
///
/// # Panics
/// Outside `dev/with-servers`, when `REDIS_URL` is not set.
#[must_use]
pub fn shared_redis_url() -> String {
    named("REDIS_URL")
}

/// The shared MongoDB, without a database. Tests take a database of their own on it.
///
/// # Panics
/// Outside `dev/with-servers`, when `TEST_MONGO_URI` is not set.
#[must_use]
pub fn shared_mongo_uri() -> String {
    named("TEST_MONGO_URI")
}

/// The shared Mailpit.
///
/// # Panics
/// Outside `dev/with-servers`, when `SMTP_HOST`, `SMTP_PORT` and `MAILPIT_URL` are not set.
#[must_use]
pub fn shared_mail_server() -> MailServer {
    MailServer { smtp_host: named("SMTP_HOST"), smtp_port: port("SMTP_PORT"), url: named("MAILPIT_URL") }
}

fn named(name: &str) -> String {
    env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests as `dev/with-servers cargo test …`"))
}

fn port(name: &str) -> u16 {
    let value = named(name);
    value.parse().unwrap_or_else(|_| panic!("{name} is '{value}': a port is a number up to 65535"))
}
