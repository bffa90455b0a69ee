//! The `PingStack` object, as a user writes it. Doc comments become the descriptions that `kubectl explain` prints.
//!
//! In reading order: this file, [`login`], [`tokens`], [`smtp`], [`redis`], [`rabbitmq`], [`services`],
//! [`references`] (what they share), [`status`].
//!
//! Defaults have one home: each struct's `Default`. `#[serde(default)]` on the struct makes both the schema and the
//! code read it. Every list and string is bounded: the API server refuses rules over unbounded data for their cost.

#![expect(unreachable_pub, reason = "the derive puts a pub struct inside a function")]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod login;
pub mod rabbitmq;
pub mod redis;
pub mod references;
pub mod services;
pub mod smtp;
pub mod status;
pub mod tokens;

use login::Login;
use rabbitmq::RabbitMq;
use redis::Redis;
use references::SecretKeyRef;
use services::{MailService, UserService};
use smtp::Smtp;
use status::PingStackStatus;
use tokens::Tokens;

/// The longest name of a stack: `<name>-user-service-<hash>-<hash>` must stay a DNS label.
pub const MAX_NAME_LENGTH: usize = 36;

/// A whole Ping: Redis, the broker and its queues, secrets, both services, and mail consumers that follow the queue.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "pingstack.dev",
    version = "v1alpha1",
    kind = "PingStack",
    plural = "pingstacks",
    shortname = "ping",
    category = "all",
    namespaced,
    status = "PingStackStatus",
    derive = "PartialEq",
    cel,
    doc = "A whole Ping: Redis, the broker and its queues, secrets, both services, and mail consumers that follow the queue.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason"
    ),
    printcolumn(name = "Queue", type_ = "integer", json_path = ".status.queue.messages"),
    printcolumn(name = "Consumers", type_ = "integer", json_path = ".status.queue.consumers"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 36")
        .message("the name is too long for the objects made from it: use at most 36 characters"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("the name becomes the name of Services: use a-z, 0-9 and -, beginning with a letter, without dots"),
    validation = Rule::new(
        "!has(self.spec.userService) || !has(self.spec.userService.ingress) || (has(self.spec.login) && has(self.spec.login.trustedProxies) && size(self.spec.login.trustedProxies) > 0)"
    )
    .message("an ingress hides the clients' addresses: put the ingress controller's CIDR into login.trustedProxies")
)]
#[serde(rename_all = "camelCase")]
pub struct PingStackSpec {
    /// Codes, their limits, and who may call the API.
    #[serde(default)]
    pub login: Login,
    /// How access tokens are signed. With neither reference an Ed25519 key is generated.
    #[serde(default)]
    pub tokens: Tokens,
    /// The mail server that mails go out by.
    pub smtp: Smtp,
    /// Where codes, limits and sessions live.
    #[serde(default)]
    pub redis: Redis,
    /// The broker that carries the mail.
    #[serde(default)]
    pub rabbitmq: RabbitMq,
    /// The directory of users. Without it there is none: an id is derived from each address.
    #[serde(default)]
    pub users: Users,
    /// The HTTP service that makes and checks codes.
    #[serde(default)]
    pub user_service: UserService,
    /// The service that delivers mails.
    #[serde(default)]
    pub mail_service: MailService,
    /// What becomes of the volumes when the stack is deleted.
    #[serde(default)]
    pub retention_policy: RetentionPolicy,
    /// Who may open connections to the stack's pods.
    #[serde(default)]
    pub network_policy: NetworkPolicySpec,
    /// Objects for the Prometheus operator.
    #[serde(default)]
    pub monitoring: Monitoring,
    /// While true nothing is changed; the status still tells how things are.
    #[serde(default)]
    pub paused: bool,
}

/// The directory of users.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Users {
    /// The Secret's key that holds a MongoDB URI. Name all members in it: NetworkPolicies open the ports that it names, and with `mongodb+srv` all from 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mongo_uri_secret_ref: Option<SecretKeyRef>,
}

/// What becomes of the volumes when the stack is deleted.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionPolicy {
    /// They stay, and a stack of the same name takes them up again.
    #[default]
    Retain,
    /// They go with the stack.
    Delete,
}

/// Who may open connections to the stack's pods.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPolicySpec {
    /// Whether NetworkPolicies are made. The cluster's network plug-in enforces them, or does not.
    pub enabled: bool,
}

impl Default for NetworkPolicySpec {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Objects for the Prometheus operator, which must be installed.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Monitoring {
    /// Makes a ServiceMonitor for both services.
    pub service_monitor: bool,
    /// Makes a PrometheusRule with alerts on refused logins, late, parked and refused mails, and a queue that nobody reads.
    pub prometheus_rule: bool,
    /// Labels of both besides the operator's own: what your Prometheus selects by, such as `release: prometheus`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod schema_tests;
