//! What several parts of the spec share: references to other objects, storage, resources.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One key of a Secret in the stack's namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// A Secret in the stack's namespace whose keys are fixed.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A ConfigMap in the stack's namespace.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigMapRef {
    /// The ConfigMap's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The volume of each pod.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!isQuantity(self.size) || quantity(self.size).compareTo(quantity('1Mi')) >= 0")
        .message("size must be 1Mi or more: write 1Gi"),
    validation = Rule::new("self.size == oldSelf.size")
        .message("a volume's size cannot be changed here: grow the PersistentVolumeClaims themselves, or make a new stack"),
    validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)")
        .message("a volume's class cannot be changed: make a new stack")
)]
pub struct Storage {
    /// The volume's size, such as `1Gi`.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+([.][0-9]*)?|[.][0-9]+)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P|[eE][0-9]{1,2})?$')")
        .message("size is not an amount of storage: write a number and a unit (Mi, Gi, Ti, M, G, T), such as 1Gi"))]
    pub size: String,
    /// The StorageClass; absent means the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}

impl Storage {
    /// A volume of `size` from the cluster's default class.
    #[must_use]
    pub fn of(size: &str) -> Self {
        Self { size: size.to_owned(), storage_class_name: None }
    }
}

/// What each pod asks for and may use at most.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.cpu) || !has(self.limits.cpu) || !isQuantity(self.requests.cpu) || !isQuantity(self.limits.cpu) || quantity(self.requests.cpu).compareTo(quantity(self.limits.cpu)) <= 0")
        .message("requests.cpu is above limits.cpu: lower the request, or raise or leave out the limit"),
    validation = Rule::new("!has(self.requests) || !has(self.limits) || !has(self.requests.memory) || !has(self.limits.memory) || !isQuantity(self.requests.memory) || !isQuantity(self.limits.memory) || quantity(self.requests.memory).compareTo(quantity(self.limits.memory)) <= 0")
        .message("requests.memory is above limits.memory: lower the request, or raise the limit")
)]
pub struct Resources {
    /// What the scheduler reserves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Amounts>,
    /// What the pod may use at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Amounts>,
}

/// CPU and memory as Kubernetes quantities.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("!has(self.cpu) || !isQuantity(self.cpu) || quantity(self.cpu).compareTo(quantity('1m')) >= 0")
        .message("cpu must be 1m or more"),
    validation = Rule::new("!has(self.memory) || !isQuantity(self.memory) || quantity(self.memory).compareTo(quantity('4Mi')) >= 0")
        .message("memory must be 4Mi or more: write 128Mi, not 128 or 128m")
)]
pub struct Amounts {
    /// CPU, such as `100m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+([.][0-9]*)?|[.][0-9]+)(m|[eE]-?[0-9]{1,2})?$')")
        .message("cpu is not an amount of CPU: write a number of cores such as 2, or thousandths such as 500m"))]
    pub cpu: Option<String>,
    /// Memory, such as `128Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]+([.][0-9]*)?|[.][0-9]+)(Ki|Mi|Gi|Ti|m|k|M|G|T|[eE][0-9]{1,2})?$')")
        .message("memory is not an amount of memory: write a number and a unit (Ki, Mi, Gi, k, M, G), such as 128Mi"))]
    pub memory: Option<String>,
}
