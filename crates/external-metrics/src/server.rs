//! Serves the metrics over TLS. Requests pass four gates in this order: the handshake (front proxy only), the headers
//! (who), the API server's decision (may they), and only then a question to the provider.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::Value;
use service_kit::{
    http::{Accepted, ServeOptions, accept, serve_connection},
    shutdown::Shutdown,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

use crate::{
    access::{authentication::Caller, authorization::Authorizer, front_proxy::FrontProxy},
    answer::Target,
    provider::ExternalMetricsProvider,
    refusal::Refusal,
    trust::Trust,
};

/// The API servers hold a few connections each; strangers must not use up our files.
const MAX_CONNECTIONS: usize = 1024;

/// What requests are answered from.
#[derive(Clone)]
pub struct MetricsApi {
    /// The numbers.
    pub provider: Arc<dyn ExternalMetricsProvider>,
    /// The decisions.
    pub authorizer: Authorizer,
}

/// Serves until the soft phase, then lets requests in flight finish.
///
/// Without a [`Trust`] connections are closed at once. When it changes, connections that were let in by the one before
/// finish their request and are closed: who comes back is judged by the new one.
pub async fn serve(
    listener: TcpListener,
    api: MetricsApi,
    trust: watch::Receiver<Option<Trust>>,
    shutdown: Shutdown,
) {
    let options = ServeOptions { max_connections: MAX_CONNECTIONS, ..ServeOptions::default() };
    let soft = shutdown.soft().clone();
    accept(listener, options, shutdown, move |accepted| {
        let connection = Connection { api: api.clone(), trust: trust.clone(), soft: soft.clone() };
        connection.serve(accepted)
    })
    .await;
}

struct Connection {
    api: MetricsApi,
    trust: watch::Receiver<Option<Trust>>,
    soft: CancellationToken,
}

impl Connection {
    async fn serve(mut self, accepted: Accepted) {
        let Some(trust) = self.trust.borrow_and_update().clone() else { return };
        let (stream, watched) = accepted.split();
        let stream = match TlsAcceptor::from(trust.tls).accept(stream).await {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "a handshake failed"),
        };
        let api = self.api;
        let front_proxy = trust.front_proxy;
        let service = service_fn(move |request: Request<Incoming>| {
            let api = api.clone();
            let front_proxy = Arc::clone(&front_proxy);
            async move { Ok::<_, Infallible>(api.respond(&front_proxy, &request).await) }
        });
        let leave = async {
            tokio::select! { _ = self.trust.changed() => {}, () = self.soft.cancelled() => {} }
        };
        serve_connection(stream, service, &watched, leave).await;
    }
}

impl MetricsApi {
    /// The answer to a request that came over the front proxy's own connection.
    async fn respond<Body>(&self, front_proxy: &FrontProxy, request: &Request<Body>) -> Response<Full<Bytes>>
    where
        Body: Sync,
    {
        match self.answer(front_proxy, request).await {
            Ok(body) => json(StatusCode::OK, &body),
            Err(refusal) => {
                tracing::debug!(path = request.uri().path(), code = refusal.code, "refused");
                let code = StatusCode::from_u16(refusal.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                json(code, &refusal.status())
            }
        }
    }

    async fn answer<Body>(&self, front_proxy: &FrontProxy, request: &Request<Body>) -> Result<Value, Refusal>
    where
        Body: Sync,
    {
        let caller = Caller::of(front_proxy, request.headers())?;
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Err(Refusal::method_not_allowed("metrics can be read, and nothing else"));
        }
        let target = Target::of(request.uri().path(), self.provider.objects());
        if let Some(attributes) = target.attributes() {
            self.authorizer.check(&caller, attributes).await?;
        }
        target.answer(request.uri().query().unwrap_or_default(), &*self.provider)
    }
}

fn json(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

#[cfg(test)]
mod tests;
