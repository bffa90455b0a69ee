//! RabbitMQ's management API, as much as tests ask of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::broker::Broker;
use crate::wait::wait_for;

/// Numbers in the management API are up to five seconds old, one second on the servers of `dev/server`.
const FRESH_DEADLINE: Duration = Duration::from_secs(30);

/// A client of one broker's management API.
#[derive(Debug, Clone)]
pub struct TestManagement {
    client: reqwest::Client,
    broker: Broker,
}

impl TestManagement {
    #[must_use]
    pub fn new(broker: &Broker) -> Self {
        Self { client: crate::http_client(), broker: broker.clone() }
    }

    /// The JSON at `path`, as in `/api/queues/%2f/send-otp`; `None` when it is not there or the broker is not.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let answer = self.request(Method::GET, path).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    /// Puts `body` at `path`.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub async fn put(&self, path: &str, body: &Value) {
        self.expect_success(Method::PUT, path, self.request(Method::PUT, path).json(body)).await;
    }

    /// Posts `body` to `path`, as in `/api/queues/%2F/q/get`, and returns the answer.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = async {
            self.request(Method::POST, path).json(body).send().await?.error_for_status()?.json().await
        };
        answer.await.unwrap_or_else(|error: reqwest::Error| panic!("the broker refused POST {path}: {error}"))
    }

    /// Deletes what is at `path`.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub async fn delete(&self, path: &str) {
        self.expect_success(Method::DELETE, path, self.request(Method::DELETE, path)).await;
    }

    /// Waits until the object at `path` is as wanted, and returns it.
    ///
    /// # Panics
    /// When it is not after 30 s.
    pub async fn wait_for(&self, what: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, FRESH_DEADLINE, || async { self.get(path).await.filter(|value| wanted(value)) }).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let Broker { management_url, user, password, .. } = &self.broker;
        self.client.request(method, format!("{management_url}{path}")).basic_auth(user, Some(password))
    }

    async fn expect_success(&self, method: Method, path: &str, request: reqwest::RequestBuilder) {
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.unwrap_or_else(|error| panic!("the broker refused {method} {path}: {error}"));
    }
}
