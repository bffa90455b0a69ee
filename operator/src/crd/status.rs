//! `status`: what a person or a script reads. All of it can be computed again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The `observedGeneration` that the API server gives to an object which no operator has read yet. kstatus takes an
/// object without a status for a finished one, and one whose generation was not observed for one in progress.
pub const NOT_OBSERVED: i64 = -1;

/// How the stack is. All of it can be computed again.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "PingStackStatus::default")]
#[schemars(extend("default" = json!({ "observedGeneration": NOT_OBSERVED })))]
pub struct PingStackStatus {
    /// The generation of the spec that the rest describes; -1 until an operator has read the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = NOT_OBSERVED))]
    pub observed_generation: Option<i64>,
    /// Ready, one condition per part, and others that are present only while they apply.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 32))]
    pub conditions: Vec<Condition>,
    /// The queue `send-otp`; at most 15 seconds old while it changes and the broker answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueStatus>,
}

/// The queue of mails that wait.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// Mails that wait or are being sent.
    pub messages: i64,
    /// Subscribed mail-service pods.
    pub consumers: i64,
}
