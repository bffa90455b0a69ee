//! A broker's own API, asked from inside its pod.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use crate::{
    case::Case,
    stack::Stack,
    wait::{chain, eventually, seen},
};

/// Runs in the pod: method, path and body of a request, by bash alone.
const REQUEST: &str = include_str!("management.bash");
/// The vhost of a managed broker, and its queue of mails.
pub(crate) const MAIL_QUEUE: &str = "queues/ping/send-otp";

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
    #[must_use]
    pub const fn get(path: &'a str) -> Self {
        Self { method: "GET", path, body: "" }
    }

    #[must_use]
    pub const fn delete(path: &'a str) -> Self {
        Self { method: "DELETE", path, body: "" }
    }

    #[must_use]
    pub const fn put(path: &'a str, body: &'a str) -> Self {
        Self { method: "PUT", path, body }
    }

    #[must_use]
    pub const fn post(path: &'a str, body: &'a str) -> Self {
        Self { method: "POST", path, body }
    }
}

/// A broker and the user that a request is made as.
#[derive(Debug, Clone)]
pub struct Broker<'a> {
    pub pod: &'a str,
    /// User and password, with a colon between them.
    pub login: &'a str,
}

impl Case {
    pub async fn ask_broker(&self, broker: &Broker<'_>, request: &Request<'_>) -> Result<Value, String> {
        let Request { method, path, body } = request;
        let login = format!("AUTH={}", broker.login);
        let command = ["env", &login, "bash", "-c", REQUEST, "management", method, path, body];
        let text = self.try_exec(broker.pod, &command).await?;
        let json = if text.trim().is_empty() { "null" } else { &text };
        serde_json::from_str(json).map_err(|error| format!("the answer is no JSON: {error}"))
    }
}

impl Stack<'_> {
    /// What broker `ordinal` answers its administrator.
    pub async fn management(&self, ordinal: u32, request: &Request<'_>) -> Result<Value, String> {
        let secret = self.case.api::<Secret>().get(&self.part("rabbitmq")).await.map_err(chain)?;
        let password = secret.data.as_ref().and_then(|data| data.get("password"));
        let password =
            password.map(|value| String::from_utf8_lossy(&value.0).into_owned()).unwrap_or_default();
        let broker = Broker {
            pod: &format!("{}-{ordinal}", self.part("rabbitmq")),
            login: &format!("ping-operator:{password}"),
        };
        self.case.ask_broker(&broker, request).await
    }

    /// What the first broker answers its administrator to a request that must be allowed.
    pub async fn manage(&self, request: Request<'_>) -> Value {
        let answer = self.management(0, &request).await;
        answer.unwrap_or_else(|error| panic!("{} {} failed: {error}", request.method, request.path))
    }

    /// Waits until the first broker has what is at `path`.
    pub async fn wait_managed(&self, path: &str, deadline: Duration) {
        eventually(format!("{path} on the broker"), deadline, async || {
            self.management(0, &Request::get(path)).await.map(drop)
        })
        .await;
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
