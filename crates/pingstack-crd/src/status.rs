//! `status`: what a person or a script reads. All of it can be computed again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    /// The operator's last sign-in. Present while `spec.monitoring.syntheticLogin` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic_login: Option<SyntheticLoginStatus>,
}

/// A sign-in of the operator.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyntheticLoginStatus {
    /// When it ended (RFC 3339).
    pub time: String,
    /// What came of it, as the condition `SignInWorks` says: `SignedIn` where it worked.
    pub reason: String,
    /// From the request for the code to the code, in milliseconds, where it worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_after_milliseconds: Option<i64>,
    /// The value of the annotation `pingstack.dev/sign-in` that it served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

impl SyntheticLoginStatus {
    /// As a JSON merge patch, in which what is absent must be `null` to go.
    #[must_use]
    pub fn as_patch(&self) -> Value {
        json!({
            "time": self.time, "reason": self.reason,
            "codeAfterMilliseconds": self.code_after_milliseconds, "request": self.request,
        })
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::SyntheticLoginStatus;

    #[test]
    fn a_sign_in_that_failed_leaves_nothing_of_the_one_before_in_the_status() {
        let failed =
            SyntheticLoginStatus { reason: "MailMissing".to_owned(), ..SyntheticLoginStatus::default() };
        let patch =
            json!({ "time": "", "reason": "MailMissing", "codeAfterMilliseconds": null, "request": null });
        assert_eq!(failed.as_patch(), patch);
        let fields = serde_json::to_value(SyntheticLoginStatus {
            code_after_milliseconds: Some(1),
            request: Some("r".to_owned()),
            ..failed
        });
        let names = |value: &serde_json::Value| {
            value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>())
        };
        assert_eq!(names(&fields.unwrap()), names(&patch), "the patch has every field");
    }
}
