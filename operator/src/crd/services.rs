//! `spec.userService` and `spec.mailService`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::references::Resources;

/// The HTTP service that makes and checks codes.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserService {
    /// How many pods.
    #[schemars(range(min = 1, max = 100))]
    pub replicas: i32,
    /// The image; absent means the one that came with the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// What each pod asks for and may use.
    pub resources: Resources,
    /// Makes the API reachable from outside the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
}

impl Default for UserService {
    fn default() -> Self {
        Self { replicas: 2, image: None, resources: Resources::default(), ingress: None }
    }
}

/// An Ingress for the API.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ingress {
    /// The host name that clients call.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// The IngressClass; absent means the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// The Secret with the host's certificate; absent means plain HTTP, or TLS that ends elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret_name: Option<String>,
}

/// The service that delivers mails.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MailService {
    /// The image; absent means the one that came with the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// What each pod asks for and may use.
    pub resources: Resources,
    /// How many mails one pod sends at a time. The mail server must take `maxReplicas` times as many connections.
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: i32,
    /// How the number of pods follows the queue.
    pub autoscaling: Autoscaling,
}

impl Default for MailService {
    fn default() -> Self {
        Self {
            image: None,
            resources: Resources::default(),
            concurrency: 16,
            autoscaling: Autoscaling::default(),
        }
    }
}

/// How the number of mail-service pods follows the queue.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "Autoscaling::default")]
#[x_kube(
    validation = Rule::new("self.minReplicas <= self.maxReplicas")
        .message("minReplicas is above maxReplicas: raise maxReplicas or lower minReplicas"),
    validation = Rule::new("(self.provider == 'External') == has(self.externalMetricName)")
        .message("externalMetricName belongs to provider External, which needs it: set both or neither")
)]
pub struct Autoscaling {
    /// Where the queue's depth comes from.
    pub provider: AutoscalingProvider,
    /// The fewest pods. At least 1: nobody would deliver while the operator is away.
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: i32,
    /// The most pods.
    #[schemars(range(min = 1, max = 100))]
    pub max_replicas: i32,
    /// How many queued mails justify one pod.
    #[schemars(range(min = 1, max = 100_000))]
    pub messages_per_replica: i32,
    /// How long the queue must be shorter before pods are taken away, in seconds.
    #[schemars(range(min = 0, max = 3600))]
    pub scale_down_stabilization_seconds: i32,
    /// The external metric that counts the queue's messages, with provider External.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub external_metric_name: Option<String>,
}

impl Default for Autoscaling {
    fn default() -> Self {
        Self {
            provider: AutoscalingProvider::Embedded,
            min_replicas: 1,
            max_replicas: 10,
            messages_per_replica: 50,
            scale_down_stabilization_seconds: 120,
            external_metric_name: None,
        }
    }
}

/// Where the queue's depth comes from.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AutoscalingProvider {
    /// The operator serves it.
    #[default]
    Embedded,
    /// Another external metrics provider (KEDA, an adapter) serves `externalMetricName`.
    External,
    /// Nowhere: `minReplicas` pods at first, and whoever scales the Deployment is left alone.
    None,
}
