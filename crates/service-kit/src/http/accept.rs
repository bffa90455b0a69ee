//! The loop that every listener runs.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::{TcpListener, TcpStream};

use super::{
    ServeOptions,
    connection::until_its_time_is_up,
    connections::{Connections, Watched},
};
use crate::{backoff, shutdown::Shutdown};

/// A new connection.
pub struct Accepted {
    pub peer: SocketAddr,
    stream: TcpStream,
    watched: Arc<Watched>,
}

impl Accepted {
    /// Its stream, and the handle by which [`serve_connection`](super::serve_connection) reports what happens on it.
    #[must_use]
    pub fn split(self) -> (TcpStream, Arc<Watched>) {
        (self.stream, self.watched)
    }
}

/// Accepts until the soft phase, then waits until every connection has ended.
///
/// `serve` has the whole life of a connection, a TLS handshake included. It is dropped when the connection's time is up
/// ([`ServeOptions`]), when another one needs its place, and in the hard phase.
pub async fn accept<F, S>(listener: TcpListener, options: ServeOptions, shutdown: Shutdown, mut serve: F)
where
    F: FnMut(Accepted) -> S,
    S: Future<Output = ()> + Send + 'static,
{
    let connections = Arc::new(Connections::default());
    let mut number = 0;
    loop {
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
        tokio::select! {
            () = connections.make_room(options.max_connections) => {}
            () = shutdown.soft().cancelled() => break,
        }
        number += 1;
        let (watched, place) = connections.add(number, options);
        // Only speed is lost where it fails.
        let _ = stream.set_nodelay(true);
        let connection = serve(Accepted { peer, stream, watched: Arc::clone(&watched) });
        let hard = shutdown.hard().clone();
        shutdown.spawn("connection", async move {
            tokio::select! {
                () = until_its_time_is_up(&watched, connection) => {}
                () = watched.displaced() => {}
                () = hard.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    connections.all_closed().await;
}
