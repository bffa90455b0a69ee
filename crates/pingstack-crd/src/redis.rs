//! `spec.redis`: where codes, limits and sessions live.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    pod_template::PodTemplate,
    references::{Resources, SecretKeyRef, Storage},
};

/// Where codes, limits and sessions live. Exactly one of `managed` and `external`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.managed) != has(self.external)")
        .message("write exactly one of redis.managed and redis.external"),
    validation = Rule::new("has(self.managed) == has(oldSelf.managed)")
        .message("codes and sessions would be lost: make a new stack to change between redis.managed and redis.external")
)]
pub struct Redis {
    /// A Redis of the stack's own: one pod, append-only file, one volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedRedis>,
    /// A Redis that exists. One database belongs to one stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRedis>,
}

impl Default for Redis {
    fn default() -> Self {
        Self { managed: Some(ManagedRedis::default()), external: None }
    }
}

/// A Redis of the stack's own.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedRedis {
    /// Its volume.
    pub storage: Storage,
    /// What its pod asks for and may use. Half of the memory limit is given to data.
    pub resources: Resources,
    /// What is added to its pod, such as labels, tolerations or a sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
}

impl Default for ManagedRedis {
    fn default() -> Self {
        Self { storage: Storage::of("1Gi"), resources: Resources::default(), pod_template: None }
    }
}

/// A Redis that exists.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRedis {
    /// The Secret's key that holds a `redis://` or `rediss://` URL with user, password and database.
    pub url_secret_ref: SecretKeyRef,
    /// The Secret's key that holds the PEM of the authority that signed the server's certificate; absent means the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}
