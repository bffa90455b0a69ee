//! Requests, and what a response says about itself.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, ClientBuilder, RequestBuilder};
use serde_json::Value;

const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// How much of an unexpected body an error shows.
const EXCERPT: usize = 300;

pub(crate) fn client() -> Result<Client> {
    build(Client::builder())
}

/// Opens a connection for each request, so that a Service may send each to another pod.
pub(crate) fn client_without_keep_alive() -> Result<Client> {
    build(Client::builder().pool_max_idle_per_host(0))
}

fn build(builder: ClientBuilder) -> Result<Client> {
    // An error only says that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder.no_proxy().timeout(REQUEST_DEADLINE).build().context("no HTTP client")
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) text: String,
}

/// Sends it; an error says that there was no response.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response> {
    let response = request.send().await?;
    let header = response.headers().get(RETRY_AFTER);
    let retry_after = header.and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    let status = response.status().as_u16();
    Ok(Response { status, retry_after, text: response.text().await? })
}

impl Response {
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("not JSON: {}", self.excerpt()))
    }

    /// The body of a 200, or an error with the status and the message of the response.
    pub(crate) fn ok(&self, what: &str) -> Result<Value> {
        if self.status != 200 {
            bail!("{what} was answered {}: {}", self.status, self.message());
        }
        self.json()
    }

    /// `message` of a JSON body, otherwise the beginning of the body.
    pub(crate) fn message(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body["message"].as_str().map_or_else(|| self.excerpt(), str::to_owned)
    }

    fn excerpt(&self) -> String {
        self.text.chars().take(EXCERPT).collect()
    }
}
