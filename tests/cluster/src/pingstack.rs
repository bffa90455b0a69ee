//! The resource PingStack as JSON, and what its status says.

use kube::{
    Api, Client,
    api::DynamicObject,
    core::{ApiResource, GroupVersionKind},
};
use serde::Deserialize;
use serde_json::Value;

use crate::crd_version::version;

/// A condition in the status of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, `RedisReady`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word.
    #[serde(default)]
    pub reason: String,
    /// A sentence.
    #[serde(default)]
    pub message: String,
    /// Which generation of the spec it is about.
    #[serde(default)]
    pub observed_generation: i64,
    /// When the status changed last, RFC 3339.
    #[serde(default)]
    pub last_transition_time: String,
}

/// The PingStacks of a namespace.
pub(crate) fn stacks(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("pingstack.dev", version(), "PingStack"),
        "pingstacks",
    );
    Api::namespaced_with(client.clone(), namespace, &kind)
}

/// The conditions of a stack.
pub(crate) fn conditions(stack: &Value) -> Vec<Condition> {
    serde_json::from_value(stack["status"]["conditions"].clone()).unwrap_or_default()
}

/// Its conditions in one line.
pub(crate) fn in_words(stack: &Value) -> String {
    let one = |condition: &Condition| {
        format!("{}={} {}: {}", condition.kind, condition.status, condition.reason, condition.message)
    };
    let all: Vec<String> = conditions(stack).iter().map(one).collect();
    if all.is_empty() { "no conditions".to_owned() } else { all.join("; ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_told_in_words() {
        let stack = json!({ "status": { "conditions": [
            { "type": "Ready", "status": "False", "reason": "RedisReady", "message": "Redis is not ready." },
        ] } });
        assert_eq!(in_words(&stack), "Ready=False RedisReady: Redis is not ready.");
        assert_eq!(in_words(&json!({})), "no conditions");
    }
}
