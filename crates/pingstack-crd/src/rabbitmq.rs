//! `spec.rabbitmq`: the broker that carries the mail.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    pod_template::PodTemplate,
    references::{Resources, SecretKeyRef, SecretRef, Storage},
};

/// The broker that carries the mail. Exactly one of `managed` and `external`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.managed) != has(self.external)")
        .message("write exactly one of rabbitmq.managed and rabbitmq.external"),
    validation = Rule::new("has(self.managed) == has(oldSelf.managed)")
        .message("queued mail would be lost: make a new stack to change between rabbitmq.managed and rabbitmq.external")
)]
pub struct RabbitMq {
    /// A broker of the stack's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedRabbitMq>,
    /// A broker that exists. One vhost belongs to one stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRabbitMq>,
}

impl Default for RabbitMq {
    fn default() -> Self {
        Self { managed: Some(ManagedRabbitMq::default()), external: None }
    }
}

/// A broker of the stack's own.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "ManagedRabbitMq::default")]
#[x_kube(
    validation = Rule::new("self.replicas in [1, 3, 5]")
        .message("queues need a majority of brokers: write 1, 3 or 5 replicas"),
    validation = Rule::new("self.replicas >= oldSelf.replicas")
        .message("taking brokers away loses queue members: make a new stack with fewer replicas")
)]
pub struct ManagedRabbitMq {
    /// How many brokers: 1, 3 or 5. Mail survives the loss of a minority. The number only grows.
    #[schemars(range(min = 1, max = 5))]
    pub replicas: i32,
    /// The volume of each broker.
    pub storage: Storage,
    /// What each broker's pod asks for and may use. Publishers wait at 60 % of the memory limit.
    pub resources: Resources,
    /// What is added to the pods, such as labels, tolerations or a sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
}

impl Default for ManagedRabbitMq {
    fn default() -> Self {
        Self { replicas: 1, storage: Storage::of("2Gi"), resources: Resources::default(), pod_template: None }
    }
}

/// A broker that exists.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRabbitMq {
    /// The host that services connect to.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// The port that services connect to; absent means 5672, or 5671 with `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The vhost that belongs to this stack. It is made where there is none.
    #[schemars(length(min = 1, max = 128))]
    pub vhost: String,
    /// The management API, such as `https://rabbitmq.example.org:15671`: host and port only.
    #[schemars(length(min = 8, max = 512))]
    #[x_kube(validation = Rule::new(r"self.matches('^https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?/?$')")
        .message("managementUrl is not the address of a management API: write scheme, host and port only, such as https://rabbitmq.example.org:15671"))]
    pub management_url: String,
    /// The Secret with the keys `username` and `password` of a user with the tag `administrator`.
    pub admin_secret_ref: SecretRef,
    /// Connect by TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<BrokerTls>,
}

/// TLS to an external broker.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BrokerTls {
    /// The Secret's key that holds the PEM of the authority that signed the broker's certificate; absent means the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}
