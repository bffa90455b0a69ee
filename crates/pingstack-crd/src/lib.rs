//! The `PingStack` object, as a user writes it. Doc comments become the descriptions that `kubectl explain` prints.
//!
//! In reading order: this file, [`login`], [`tokens`], [`smtp`], [`mail`], [`redis`], [`rabbitmq`], [`services`],
//! [`synthetic_login`], [`references`] and [`pod_template`] (what they share), [`status`]; [`versions`]. The feature
//! `test-fixtures` adds `samples`, which makes stacks for tests.
//!
//! Defaults have one home: each struct's `Default`. `#[serde(default)]` on the struct makes both the schema and the
//! code read it. Every list and string is bounded: the API server refuses rules over unbounded data for their cost.

#![expect(unreachable_pub, reason = "the derive puts a pub struct inside a function")]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod login;
pub mod mail;
pub mod pod_template;
pub mod rabbitmq;
pub mod redis;
pub mod references;
#[cfg(any(test, feature = "test-fixtures"))]
pub mod samples;
pub mod services;
pub mod smtp;
pub mod status;
pub mod synthetic_login;
pub mod tokens;
pub mod versions;

use login::Login;
use mail::Mail;
use rabbitmq::RabbitMq;
use redis::Redis;
use references::SecretKeyRef;
use services::{MailService, UserService};
use smtp::Smtp;
use status::PingStackStatus;
use synthetic_login::SyntheticLogin;
use tokens::{Authz, Tokens};

/// The longest name of a stack: `<name>-user-service-<hash>-<hash>` must stay a DNS label.
pub const MAX_NAME_LENGTH: usize = 36;

/// A whole Ping: Redis, the broker and its queues, secrets, both services, and mail consumers that follow the queue.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "pingstack.dev",
    version = "v1beta1",
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
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    ),
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
    /// Which tokens are accepted.
    #[serde(default)]
    pub authz: Authz,
    /// The mail server that mails go out by.
    pub smtp: Smtp,
    /// How the mails look, what they say, and in which language.
    #[serde(default)]
    pub mail: Mail,
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
    /// What becomes of the volumes, and of the secret of user ids, when the stack is deleted.
    #[serde(default)]
    pub retention_policy: RetentionPolicy,
    /// Who may open connections to the stack's pods.
    #[serde(default)]
    pub network_policy: NetworkPolicySpec,
    /// Objects for the Prometheus operator, and traces.
    #[serde(default)]
    pub monitoring: Monitoring,
    /// Who sets the users that the pods' processes run as. A change restarts every pod.
    #[serde(default)]
    pub security_profile: SecurityProfile,
    /// While true nothing is changed; the status still tells how the pods are, and what nobody looks at is Unknown.
    #[serde(default)]
    pub paused: bool,
}

impl PingStackSpec {
    /// Whether any part has a template of its pods.
    #[must_use]
    pub fn has_pod_template(&self) -> bool {
        let redis = self.redis.managed.as_ref().and_then(|redis| redis.pod_template.as_ref());
        let broker = self.rabbitmq.managed.as_ref().and_then(|broker| broker.pod_template.as_ref());
        let services = [&self.user_service.pod_template, &self.mail_service.pod_template];
        redis.is_some() || broker.is_some() || services.into_iter().any(Option::is_some)
    }
}

/// The directory of users.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.database) || self.database.matches('^[A-Za-z0-9_-]+$')")
        .message("users.database is not the name of a database: use letters, digits, _ and -")
)]
pub struct Users {
    /// The Secret's key that holds a MongoDB URI. Name all members in it: NetworkPolicies open the ports that it names, and with `mongodb+srv` all from 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mongo_uri_secret_ref: Option<SecretKeyRef>,
    /// The Secret's key that holds what users' ids follow from without a directory: a random text, such as `openssl rand -hex 32` prints. Absent means that the operator makes one, in the Secret `<name>-user-ids`. With another value every user gets another id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_secret_ref: Option<SecretKeyRef>,
    /// The database with the collection `users`. Without it, `user-service`, or the one that the URI names where only that one holds users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub database: Option<String>,
}

/// What becomes of the volumes, and of the secret of user ids, when the stack is deleted.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionPolicy {
    /// They stay, and a stack of the same name takes them up again.
    #[default]
    Retain,
    /// They go with the stack.
    Delete,
}

/// Who sets the users that the pods' processes run as.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecurityProfile {
    /// As the operator's chart says: `OpenShift` where the cluster has that API, else `Restricted`.
    #[default]
    Auto,
    /// The operator: users and groups are in the pods.
    Restricted,
    /// The cluster: users and groups are left out of the pods, and the images run as any user of the group 0.
    OpenShift,
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

/// Objects for the Prometheus operator, which must be installed, and traces.
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
    /// Where both services send traces of sign-ins. Without it they make none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<Tracing>,
    /// Has the operator sign in regularly, by addresses at ping-probe.invalid whose mails go by the stack's own queue to a sink of the operator: the condition `SignInWorks`. `{}` means every 5 minutes. Without it the operator does not sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic_login: Option<SyntheticLogin>,
}

/// Traces, by OTLP as protobuf over HTTP.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tracing {
    /// The OpenTelemetry collector, such as `http://otel-collector.monitoring.svc:4318`. NetworkPolicies open its port.
    #[schemars(length(max = 2048))]
    #[x_kube(validation = Rule::new(r"self.matches('^https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[A-Za-z0-9._~/-]*)?$')")
        .message("endpoint is not an address of a collector: write one such as http://otel-collector.monitoring.svc:4318, without user, password or query"))]
    pub endpoint: String,
    /// The share of traces that are exported, from 0 to 1. A trace that comes with a request keeps the decision of its sender.
    #[serde(default = "every_trace")]
    #[schemars(length(max = 8))]
    #[x_kube(validation = Rule::new("self.matches('^(0([.][0-9]{1,6})?|1([.]0{1,6})?)$')")
        .message("samplingRatio is not a share of traces: write a number from 0 to 1 in quotes, such as \"0.1\""))]
    pub sampling_ratio: String,
}

fn every_trace() -> String {
    "1".to_owned()
}

#[cfg(test)]
mod tests;
