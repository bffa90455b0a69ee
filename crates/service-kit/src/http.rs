//! Serving a router over hyper, with the limits that `axum::serve` lacks: a header read timeout (measured: half a
//! header stayed open for 75 s and more), a cap on connections, and a drain that is awaited.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower::ServiceExt as _;

use crate::{backoff, shutdown::Shutdown};

/// Limits of one listener.
#[derive(Debug, Clone, Copy)]
pub struct ServeOptions {
    /// A client that has not sent its whole header by then is cut off.
    pub header_read_timeout: Duration,
    /// Connections beyond this wait in the kernel's backlog.
    pub max_connections: usize,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self { header_read_timeout: Duration::from_secs(10), max_connections: 4096 }
    }
}

/// Serves until the soft phase, then lets requests in flight finish (the hard phase cuts them off).
///
/// Handlers find the peer as `ConnectInfo<SocketAddr>`.
pub async fn serve(listener: TcpListener, router: Router, options: ServeOptions, shutdown: Shutdown) {
    let permits = Arc::new(Semaphore::new(options.max_connections));
    let graceful = GracefulShutdown::new();
    let builder = connection_builder(options);
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break }; // never closed
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most often: going on at once would spin.
                    tracing::warn!(%error, "could not accept a connection");
                    let _ = backoff::pause(Duration::from_millis(100), &shutdown).await;
                    continue;
                }
            },
            () = shutdown.soft().cancelled() => break,
        };
        let connection = builder.serve_connection_with_upgrades(
            TokioIo::new(prepared(stream)),
            TowerToHyperService::new(with_peer(router.clone(), peer)),
        );
        let (connection, hard) = (graceful.watch(connection.into_owned()), shutdown.hard().clone());
        shutdown.spawn("http connection", async move {
            // A connection's error is the client's affair: it went away, or spoke no HTTP.
            tokio::select! { _ = connection => {}, () = hard.cancelled() => {} }
            drop(permit);
        });
    }
    drop(listener);
    tokio::select! { () = graceful.shutdown() => {}, () = shutdown.hard().cancelled() => {} }
}

fn connection_builder(options: ServeOptions) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(options.header_read_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(options.header_read_timeout);
    builder
}

fn prepared(stream: TcpStream) -> TcpStream {
    // Only speed is lost where it fails.
    let _ = stream.set_nodelay(true);
    stream
}

type PeerService =
    tower::util::BoxCloneSyncService<Request<Incoming>, axum::response::Response, std::convert::Infallible>;

fn with_peer(router: Router, peer: SocketAddr) -> PeerService {
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    tower::util::BoxCloneSyncService::new(service)
}

#[cfg(test)]
mod tests;
