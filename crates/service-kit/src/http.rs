//! Serving HTTP over hyper, with the limits that `axum::serve` lacks: no connection stays open for nothing, their number is
//! limited, and a drain is awaited.
//!
//! In reading order:
//! - [`activity`], pure: what a connection waits for, and until when.
//! - [`connections`]: the open connections of a listener, and which one makes room for another.
//! - [`accept`]: the loop that every listener runs.
//! - [`connection`]: one connection from its first octet to its end.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{extract::ConnectInfo, response::Response};
use hyper::{Request, body::Incoming};
use tokio::net::TcpListener;
use tower::{Service, ServiceExt as _};

pub use self::{
    accept::{Accepted, accept},
    connection::serve_connection,
};
use crate::shutdown::Shutdown;

mod accept;
mod activity;
mod connection;
mod connections;
mod counted_body;
mod watched_stream;

/// Limits of one listener.
#[derive(Debug, Clone, Copy)]
pub struct ServeOptions {
    /// From the connect, or from the first octet of a later request, until the whole head is there. A TLS handshake is part
    /// of it. The connection is closed otherwise.
    pub header_read_timeout: Duration,
    /// How long a connection may wait for its next request. Longer than a load balancer keeps its own idle connections (60 s
    /// in most): else it sends a request on a connection that we close in the same moment, and answers 502.
    pub idle_timeout: Duration,
    /// How many connections may be open. One more takes the place of one that has no complete request head, the oldest
    /// first, then of one that is idle; while all have requests in flight it waits.
    pub max_connections: usize,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            max_connections: 4096,
        }
    }
}

/// Serves until the soft phase, then lets requests in flight finish (the hard phase cuts them off).
///
/// Handlers find the peer as `ConnectInfo<SocketAddr>`.
pub async fn serve<S: Handler>(listener: TcpListener, service: S, options: ServeOptions, shutdown: Shutdown) {
    let soft = shutdown.soft().clone();
    accept(listener, options, shutdown, move |accepted: Accepted| {
        let service = with_peer(service.clone(), accepted.peer);
        let (stream, watched) = accepted.split();
        let leave = soft.clone().cancelled_owned();
        async move { serve_connection(stream, service, &watched, leave).await }
    })
    .await;
}

/// What answers requests: a `Router`, or a service around one.
pub trait Handler:
    Service<axum::extract::Request, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Handler for S where
    S: Service<axum::extract::Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

type PeerService = tower::util::BoxCloneSyncService<Request<Incoming>, Response, Infallible>;

fn with_peer<S: Handler>(service: S, peer: SocketAddr) -> PeerService {
    let service = service.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    tower::util::BoxCloneSyncService::new(service)
}

#[cfg(test)]
mod tests;
