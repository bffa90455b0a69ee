//! `spec.userService` and `spec.mailService`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{pod_template::PodTemplate, references::Resources};

/// The HTTP service that makes and checks codes.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserService {
    /// How many pods, while `autoscaling` is absent. It is set when it changes; in between, the number is left to whatever scales the Deployment, such as an autoscaler of yours.
    #[schemars(range(min = 1, max = 100))]
    pub replicas: i32,
    /// Makes an autoscaler that follows the CPU that the pods use. It needs metrics-server, or another that serves `metrics.k8s.io`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<UserServiceAutoscaling>,
    /// How long a connection may wait for its next request, in seconds: longer than the load balancer in front keeps its idle connections, or it answers 502 now and then.
    #[schemars(range(min = 1, max = 3600))]
    pub idle_timeout_seconds: i32,
    /// Answers `GET /api/v1/users`, which shows every user to every user.
    pub list_users: bool,
    /// Writes the audit log to the standard output of the pods.
    pub audit_log: bool,
    /// The image; absent means the one that came with the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// What is added to the pods, such as labels, tolerations or a sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
    /// What each pod asks for and may use.
    pub resources: Resources,
    /// Makes the API reachable from outside the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
}

impl Default for UserService {
    fn default() -> Self {
        Self {
            replicas: 2,
            autoscaling: None,
            idle_timeout_seconds: 75,
            list_users: true,
            audit_log: true,
            image: None,
            pod_template: None,
            resources: Resources::default(),
            ingress: None,
        }
    }
}

/// How the number of user-service pods follows the CPU that they use.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "UserServiceAutoscaling::default")]
#[x_kube(
    validation = Rule::new("self.minReplicas <= self.maxReplicas")
        .message("minReplicas is above maxReplicas: raise maxReplicas or lower minReplicas")
)]
pub struct UserServiceAutoscaling {
    /// The fewest pods.
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: i32,
    /// The most pods.
    #[schemars(range(min = 1, max = 100))]
    pub max_replicas: i32,
    /// The share of the requested CPU that pods use on average, in percent: above it pods are added. It may be over 100.
    #[schemars(range(min = 1, max = 1000))]
    pub target_cpu_percent: i32,
    /// How fast pods are added and taken away, as in `autoscaling/v2`; absent means Kubernetes' own defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behavior: Option<ScalingBehavior>,
}

impl Default for UserServiceAutoscaling {
    fn default() -> Self {
        Self { min_replicas: 2, max_replicas: 10, target_cpu_percent: 70, behavior: None }
    }
}

/// How fast pods are added and taken away.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalingBehavior {
    /// How pods are added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_up: Option<ScalingRules>,
    /// How pods are taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScalingRules>,
}

/// How pods are added, or taken away.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalingRules {
    /// How far back the autoscaler looks for the number that changes least, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub stabilization_window_seconds: Option<i32>,
    /// Which of the policies holds: the one that changes most, or least, or none, so that the number never changes in this direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<SelectPolicy>,
    /// How many pods may come, or go, in which time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8))]
    pub policies: Option<Vec<ScalingPolicy>>,
}

/// Which of several policies holds.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectPolicy {
    /// The one that changes most.
    Max,
    /// The one that changes least.
    Min,
    /// None: the number does not change in this direction.
    Disabled,
}

/// How many pods may come, or go, in which time.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalingPolicy {
    /// Whether `value` is a number of pods or a percentage of those that there are.
    #[serde(rename = "type")]
    pub kind: ScalingUnit,
    /// How many, or what percentage.
    #[schemars(range(min = 1, max = 10_000))]
    pub value: i32,
    /// In which time, in seconds.
    #[schemars(range(min = 1, max = 1800))]
    pub period_seconds: i32,
}

/// What a policy counts in.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalingUnit {
    /// Pods.
    Pods,
    /// A percentage of the pods that there are.
    Percent,
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
    /// What is added to the pods, such as labels, tolerations or a sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
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
            pod_template: None,
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
    /// The operator serves it, as the cluster's external metrics API, or as its custom metrics API where the first belongs to somebody else.
    #[default]
    Embedded,
    /// As Embedded; where both APIs belong to somebody else, the operator itself sets the number of pods.
    Auto,
    /// Another external metrics provider (KEDA, an adapter) serves `externalMetricName`.
    External,
    /// Nowhere: `minReplicas` pods at first, and whoever scales the Deployment is left alone.
    None,
}
