//! The pod `client`: requests from inside the case's namespace.

use std::time::Duration;

use http::Request;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use test_client::call::{Answer, Call};

use crate::{
    case::Case,
    cluster::{Cluster, images::image},
    deadline,
    neighbours::pod,
    wait::{attempt, chain, eventually, seen},
};

/// The pod, whose API answers on port 8080.
pub(super) fn pod(cluster: &Cluster) -> Value {
    let container = json!({
        "name": "client", "image": image(cluster, "test-client"),
        "ports": [{ "containerPort": 8080 }],
        "readinessProbe": { "httpGet": { "path": "/ready", "port": 8080 }, "periodSeconds": 1 },
        "resources": { "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "512Mi" } },
    });
    pod::restricted(&container, &json!([]))
}

impl Case {
    /// A POST with a JSON body, from inside the namespace. A request without an HTTP response is an answer with status 0.
    pub async fn post(&self, url: &str, body: Value) -> Answer {
        self.call(&Call { url: url.to_owned(), body: Some(body) }).await
    }

    /// A GET from inside the namespace.
    pub async fn fetch(&self, url: &str) -> Answer {
        self.call(&Call { url: url.to_owned(), body: None }).await
    }

    /// Tries a GET from inside the namespace until it is answered 200.
    pub async fn try_fetch(&self, url: &str, deadline: Duration) -> Result<(), String> {
        attempt(format!("a 200 from {url}"), deadline, async || {
            let answer = self.fetch(url).await;
            seen(answer.status == 200, || format!("{answer:?}"))
        })
        .await
    }

    async fn call(&self, call: &Call) -> Answer {
        let answer = self.ask_client("POST", "call", &json!(call)).await;
        answer.unwrap_or_else(|error| panic!("the pod client did not relay {}: {error}", call.url))
    }

    /// Reads from the control API of the pod. The API server's proxy cuts a long answer off now and then, so a read is
    /// repeated until the deadline.
    pub(crate) async fn read_client<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        attempt(format!("{path} of the pod client"), deadline::READ, async || {
            self.ask_client("GET", path, &Value::Null).await
        })
        .await
    }

    /// Uses the control API of the pod, through the API server.
    pub(crate) async fn ask_client<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, String> {
        let body = serde_json::to_vec(body).map_err(chain)?;
        self.ask_pod_of_case("pods/client:8080", &format!("{method} {path}"), body).await
    }

    /// Asks a pod or Service of the case through the API server: `METHOD path`. The answer is JSON, or nothing.
    pub(crate) async fn ask_pod_of_case<T: DeserializeOwned>(
        &self,
        whom: &str,
        what: &str,
        body: Vec<u8>,
    ) -> Result<T, String> {
        let (method, path) = what.split_once(' ').unwrap_or(("GET", what));
        let uri = format!("/api/v1/namespaces/{}/{whom}/proxy/{path}", self.namespace);
        let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
        let request = request.body(body).map_err(chain)?;
        let text = self.kube().request_text(request).await.map_err(chain)?;
        let json = if text.is_empty() { "null" } else { &text };
        serde_json::from_str(json).map_err(|error| format!("{what} was answered by no such JSON: {error}"))
    }

    /// Waits until the pod answers.
    pub(crate) async fn wait_client(&self) {
        eventually("the pod client to answer", deadline::OPERATOR, async || {
            self.ask_client::<Value>("GET", "ready", &Value::Null).await.map(drop)
        })
        .await;
    }
}
