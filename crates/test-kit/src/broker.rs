//! Where a RabbitMQ is.

/// How to reach a RabbitMQ, with a user that may do everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Host of AMQP 0.9.1.
    pub host: String,
    /// Port of AMQP 0.9.1.
    pub port: u16,
    /// Name of an administrator.
    pub user: String,
    pub password: String,
    /// Base of the management API, as in `http://127.0.0.1:15672`.
    pub management_url: String,
}

impl Broker {
    /// The AMQP URL of one vhost, whose name needs no escapes.
    #[must_use]
    pub fn amqp_url(&self, vhost: &str) -> String {
        let Self { host, port, user, password, .. } = self;
        let vhost = if vhost == "/" { "%2f" } else { vhost };
        format!("amqp://{user}:{password}@{host}:{port}/{vhost}")
    }
}
