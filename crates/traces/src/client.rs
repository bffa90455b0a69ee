//! The exporter's HTTP client.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use tokio::runtime::Handle;

/// How long the collector may take for one batch. Spans made in the meantime wait in a bounded queue.
const DEADLINE: Duration = Duration::from_secs(5);

/// Sends on our runtime whatever the exporter's own thread wants to send.
#[derive(Debug)]
pub(crate) struct RuntimeClient {
    client: reqwest::Client,
    runtime: Handle,
}

/// Why a batch did not arrive. It never quotes the collector.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("the collector could not be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the process is ending")]
    Ending,
}

impl RuntimeClient {
    /// Call it on the runtime that sends.
    pub(crate) fn new(tls: ClientConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(DEADLINE)
            .connect_timeout(DEADLINE)
            .redirect(Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { client, runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for RuntimeClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        // The exporter's thread waits for it, within the deadline.
        let sent = self.runtime.spawn(async move {
            let response = client.execute(request.try_into()?).await?;
            // The body says which spans were refused; nothing here depends on it.
            Ok::<_, reqwest::Error>(response.status())
        });
        let status = sent.await.map_err(|_| SendError::Ending)?;
        let status = status.map_err(|error| SendError::Unreachable(error.without_url()))?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        Ok(response)
    }
}
