//! One HTTP request, on a connection of its own.

use std::{error::Error as _, time::Duration};

use reqwest::{Client, header::RETRY_AFTER};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longer than user-service or a proxy takes for anything.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);
/// How much of a body that is no JSON is kept.
const EXCERPT: usize = 80;

/// A request that a case wants sent from inside the namespace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    pub url: String,
    /// The JSON body of a POST; a GET without one.
    #[serde(default)]
    pub body: Option<Value>,
}

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status; 0 if there was no HTTP response.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The body; `Null` if it is no JSON.
    pub body: Value,
    /// Why there was no HTTP response, or the beginning of a body that is no JSON.
    pub detail: String,
}

/// Sends requests. Clones share nothing but settings.
#[derive(Debug, Clone)]
pub struct Caller(Client);

impl Caller {
    /// A caller that keeps no connection open: every request is a user of its own, and none hides behind a connection to a
    /// pod that is gone.
    pub fn new() -> Result<Self, reqwest::Error> {
        // An error only says that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = Client::builder().no_proxy().timeout(ANSWER_DEADLINE).pool_max_idle_per_host(0);
        // Plain HTTP only: the image has no public authorities, and without any the client would not start.
        settings.tls_certs_only([]).build().map(Self)
    }

    /// Sends it, and never fails: an answer that did not come is an answer with status 0.
    pub async fn send(&self, call: &Call) -> Answer {
        let request = match &call.body {
            Some(body) => self.0.post(&call.url).json(body),
            None => self.0.get(&call.url),
        };
        match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => Answer { detail: chain(&error), ..Answer::default() },
        }
    }

    /// The body of a GET, or why there is none.
    pub async fn get(&self, url: String) -> Result<Value, String> {
        let answer = self.send(&Call { url, body: None }).await;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(format!("{}: {}", answer.status, answer.detail))
        }
    }
}

async fn read(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match response.text().await {
        Ok(text) => {
            let body = serde_json::from_str(&text).unwrap_or(Value::Null);
            let detail = if body.is_null() { text.chars().take(EXCERPT).collect() } else { String::new() };
            Answer { status, retry_after, body, detail }
        }
        // A status line without its whole body is no answer to a client.
        Err(error) => Answer { detail: chain(&error), ..Answer::default() },
    }
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
