//! A managed broker's own API, asked from inside its pod.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use crate::{
    stack::Stack,
    wait::{chain, eventually, seen},
};

/// Runs in the pod: method, path and body of a request, by bash alone. Shared with the cases in bash.
const REQUEST: &str = include_str!("../../../../k8s/e2e/management");
/// The vhost of a managed broker, and its queue of mails.
const MAIL_QUEUE: &str = "queues/ping/send-otp";

/// A request to the management API.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `GET`, `PUT`, …
    pub method: &'a str,
    /// What follows `/api/`.
    pub path: &'a str,
    /// JSON, or empty.
    pub body: &'a str,
}

impl<'a> Request<'a> {
    /// A GET.
    #[must_use]
    pub const fn get(path: &'a str) -> Self {
        Self { method: "GET", path, body: "" }
    }
}

impl Stack<'_> {
    /// What broker `ordinal` answers its administrator.
    pub async fn management(&self, ordinal: u32, request: &Request<'_>) -> Result<Value, String> {
        let secret = self.case.api::<Secret>().get(&self.part("rabbitmq")).await.map_err(chain)?;
        let password = secret.data.as_ref().and_then(|data| data.get("password"));
        let password =
            password.map(|value| String::from_utf8_lossy(&value.0).into_owned()).unwrap_or_default();
        let user = format!("AUTH=ping-operator:{password}");
        let Request { method, path, body } = request;
        let command = ["env", &user, "bash", "-c", REQUEST, "management", method, path, body];
        let text = self.case.try_exec(&format!("{}-{ordinal}", self.part("rabbitmq")), &command).await?;
        let json = if text.trim().is_empty() { "null" } else { &text };
        serde_json::from_str(json).map_err(|error| format!("the answer is no JSON: {error}"))
    }

    /// Waits until every one of `count` brokers runs its newest template, is ready, and holds a member of the mail queue that
    /// is online. Each broker is asked itself: one that stands apart would give another answer.
    pub async fn wait_brokers(&self, count: u32, deadline: Duration) {
        self.case.wait_stateful_set(&self.part("rabbitmq"), deadline).await;
        eventually(format!("{count} members of the mail queue online"), deadline, async || {
            for ordinal in 0..count {
                let queue = self.management(ordinal, &Request::get(MAIL_QUEUE)).await?;
                let of = |field: &str| queue[field].as_array().map_or(0, Vec::len);
                let whole = of("members") == count as usize && of("online") == count as usize;
                seen(whole, || format!("by broker {ordinal}: {} of {}", queue["online"], queue["members"]))?;
            }
            Ok(())
        })
        .await;
    }
}
