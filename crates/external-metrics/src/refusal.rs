//! Answers that are no success, as `metav1.Status`: the form that the aggregator, kubectl and the autoscaler read.

use serde_json::{Value, json};

/// Why a request is not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: u16,
    /// The word of the Kubernetes API conventions for it.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
}

impl Refusal {
    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { code: 400, reason: "BadRequest", message: message.into() }
    }

    /// 401: the front proxy does not say whose request it is.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self { code: 401, reason: "Unauthorized", message: message.into() }
    }

    /// 403: this user may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self { code: 403, reason: "Forbidden", message: message.into() }
    }

    /// 404: there is nothing of that name.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { code: 404, reason: "NotFound", message: message.into() }
    }

    /// 405: everything here is read-only.
    pub fn method_not_allowed(message: impl Into<String>) -> Self {
        Self { code: 405, reason: "MethodNotAllowed", message: message.into() }
    }

    /// 503: nobody knows at the moment. The autoscaler then leaves the number of pods as it is.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { code: 503, reason: "ServiceUnavailable", message: message.into() }
    }

    #[must_use]
    pub fn status(&self) -> Value {
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        })
    }
}
