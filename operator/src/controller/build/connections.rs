//! How both services reach Redis and the broker: environment, CA files, and a hash of the secrets behind them.

use pingstack_crd::{references::SecretKeyRef, smtp::SmtpTls};
use serde_json::{Value, json};

use super::{
    Context,
    pod::{env, env_secret},
};
use crate::{
    broker_connections::MANAGED_VHOST,
    controller::{
        hash::ContentHash,
        validate::{BrokerTarget, ExternalBroker, RedisTarget},
    },
    names::Part,
    secret_values::{password_key, text},
};

/// Where CA files are mounted.
const CA_FOLDER: &str = "/etc/ping";

/// What a service's pod needs to reach Redis and the broker.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// Environment variables.
    pub env: Vec<Value>,
    /// Volumes with CA files.
    pub volumes: Vec<Value>,
    /// Their mounts.
    pub mounts: Vec<Value>,
    /// Changes with every secret behind them.
    pub hash: ContentHash,
}

/// The connections of `part`, which is one of the two services.
pub(super) fn of(context: &Context<'_>, part: Part) -> Connections {
    let mut connections = Connections::default();
    add_redis(context, part, &mut connections);
    add_broker(context, part, &mut connections);
    connections
}

/// A hash of what the services read from referenced Secrets.
pub(super) fn reference_hash(context: &Context<'_>, secret: &str, hash: ContentHash) -> ContentHash {
    hash.bytes(context.stack.reference_hashes.get(secret).map_or("", String::as_str))
}

/// What a pod needs to reach the mail server.
pub(super) fn add_mail_server(context: &Context<'_>, connections: &mut Connections) {
    let smtp = &context.stack.spec.smtp;
    let tls = match smtp.tls {
        SmtpTls::StartTls => "starttls",
        SmtpTls::Implicit => "implicit",
        SmtpTls::None => "none",
    };
    connections.env.extend([
        env("SMTP_HOST", &smtp.host),
        env("SMTP_PORT", smtp.port),
        env("SMTP_TLS", tls),
        env("MAIL_FROM", &smtp.from),
    ]);
    connections.env.extend(smtp.hello_name.as_ref().map(|name| env("SMTP_HELLO_NAME", name)));
    if let Some(credentials) = &smtp.credentials_secret_ref {
        let keys = ["EMAIL_USER", "EMAIL_PASSWORD"];
        connections.env.extend(keys.map(|key| env_secret(key, &credentials.name, key)));
        connections.hash = reference_hash(context, &credentials.name, connections.hash.clone());
    }
    if let Some(ca) = &smtp.ca_secret_ref {
        connections.add_ca(context, "smtp-ca", ca);
        connections.env.push(env("SMTP_CA_FILE", format!("{CA_FOLDER}/smtp-ca/ca.pem")));
    }
}

fn add_redis(context: &Context<'_>, part: Part, connections: &mut Connections) {
    match &context.stack.redis {
        RedisTarget::Managed(_) => {
            let user = part.name();
            let host = context.stack.id.part(Part::Redis);
            let secret = context.secrets.redis.as_ref();
            // REDIS_URL is put together from the variable before it, so that no Secret repeats a password.
            connections.env.push(env_secret("REDIS_PASSWORD", &host, &password_key(user)));
            connections.env.push(env("REDIS_URL", format!("redis://{user}:$(REDIS_PASSWORD)@{host}:6379/0")));
            let password = secret.map(|secret| text(secret, &password_key(user)));
            connections.hash = connections.hash.clone().bytes(password.unwrap_or_default());
        }
        RedisTarget::External(external) => {
            let url = &external.url_secret_ref;
            connections.env.push(env_secret("REDIS_URL", &url.name, &url.key));
            connections.hash = reference_hash(context, &url.name, connections.hash.clone());
            if let Some(ca) = &external.ca_secret_ref {
                connections.add_ca(context, "redis-ca", ca);
                connections.env.push(env("REDIS_CA_FILE", format!("{CA_FOLDER}/redis-ca/ca.pem")));
            }
        }
    }
}

fn add_broker(context: &Context<'_>, part: Part, connections: &mut Connections) {
    let id = &context.stack.id;
    let users = &context.secrets.broker_users;
    match &context.stack.broker {
        BrokerTarget::Managed(_) => {
            connections.env.push(env("RABBITMQ_HOST", id.part(Part::RabbitMq)));
            connections.env.push(env("RABBITMQ_PORT", 5672));
            connections.env.push(env("RABBITMQ_VHOST", MANAGED_VHOST));
        }
        BrokerTarget::External(external) => add_external_broker(context, external, connections),
    }
    let secret = id.broker_users_secret(users.slot);
    connections.env.push(env("RABBITMQ_USER", id.broker_user(part.name(), users.slot)));
    connections.env.push(env_secret("RABBITMQ_PASSWORD", &secret, &password_key(part.name())));
    let password = text(&users.secret, &password_key(part.name()));
    connections.hash = connections.hash.clone().bytes(password);
}

fn add_external_broker(context: &Context<'_>, broker: &ExternalBroker, connections: &mut Connections) {
    let spec = &broker.spec;
    connections.env.push(env("RABBITMQ_HOST", &spec.host));
    connections.env.push(env("RABBITMQ_PORT", broker.port()));
    connections.env.push(env("RABBITMQ_VHOST", &spec.vhost));
    let Some(tls) = &spec.tls else { return };
    connections.env.push(env("RABBITMQ_TLS", true));
    if let Some(ca) = &tls.ca_secret_ref {
        connections.add_ca(context, "rabbitmq-ca", ca);
        connections.env.push(env("RABBITMQ_CA_FILE", format!("{CA_FOLDER}/rabbitmq-ca/ca.pem")));
    }
}

impl ExternalBroker {
    /// The AMQP port.
    pub(super) fn port(&self) -> i32 {
        self.spec.port.unwrap_or(if self.spec.tls.is_some() { 5671 } else { 5672 })
    }
}

impl Connections {
    fn add_ca(&mut self, context: &Context<'_>, name: &str, ca: &SecretKeyRef) {
        let items = json!([{ "key": ca.key, "path": "ca.pem" }]);
        self.volumes.push(json!({ "name": name, "secret": { "secretName": ca.name, "items": items } }));
        self.mounts
            .push(json!({ "name": name, "mountPath": format!("{CA_FOLDER}/{name}"), "readOnly": true }));
        self.hash = reference_hash(context, &ca.name, self.hash.clone());
    }
}
