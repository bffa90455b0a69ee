//! Serves the metric over TLS. Requests pass four gates in this order: the handshake (front proxy only), the headers
//! (who), the API server's decision (may they), and only then a look at the samples.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use serde_json::Value;
use service_kit::{backoff, shutdown::Shutdown};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;

use super::{
    answer::Target, authentication::Caller, authorization::Authorizer, front_proxy::FrontProxy,
    refusal::Refusal, sample::Samples, trust::Trust,
};

/// For the handshake, and for the header of each request.
const PATIENCE: Duration = Duration::from_secs(10);

/// The API servers hold a few connections each; strangers must not use up our files.
const MAX_CONNECTIONS: usize = 256;

/// What requests are answered from.
#[derive(Clone)]
pub struct MetricsApi {
    /// The numbers.
    pub samples: Samples,
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
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break }; // never closed
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most often: going on at once would spin.
                    tracing::warn!(%error, "could not accept a connection");
                    let _ = backoff::pause(Duration::from_millis(100), &shutdown).await;
                    continue;
                }
            },
            () = shutdown.soft().cancelled() => break,
        };
        let connection = Connection { api: api.clone(), trust: trust.clone(), shutdown: shutdown.clone() };
        shutdown.spawn("external metrics connection", async move {
            connection.serve(stream).await;
            drop(permit);
        });
    }
}

struct Connection {
    api: MetricsApi,
    trust: watch::Receiver<Option<Trust>>,
    shutdown: Shutdown,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream) {
        let Some(trust) = self.trust.borrow_and_update().clone() else { return };
        // Only speed is lost where it fails.
        let _ = stream.set_nodelay(true);
        let handshake = TlsAcceptor::from(trust.tls).accept(stream);
        let stream = match tokio::time::timeout(PATIENCE, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "a handshake failed"),
            Err(_) => return tracing::debug!("a handshake took too long"),
        };
        let (api, front_proxy) = (self.api.clone(), trust.front_proxy);
        let service = service_fn(move |request| {
            let (api, front_proxy) = (api.clone(), Arc::clone(&front_proxy));
            async move { Ok::<_, Infallible>(api.respond(&front_proxy, &request).await) }
        });
        let builder = connection_builder();
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut leaving = false;
        loop {
            tokio::select! {
                // A connection's error is the client's affair.
                _ = connection.as_mut() => return,
                _ = self.trust.changed(), if !leaving => {}
                () = self.shutdown.soft().cancelled(), if !leaving => {}
                () = self.shutdown.hard().cancelled() => return,
            }
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
    }
}

fn connection_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(PATIENCE);
    builder
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
        let target = Target::of(request.uri().path());
        if let Some(attributes) = target.attributes() {
            self.authorizer.check(&caller, attributes).await?;
        }
        target.answer(request.uri().query().unwrap_or_default(), &self.samples, Instant::now())
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
