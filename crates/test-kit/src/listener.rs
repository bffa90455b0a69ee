//! A listener on a port of its own that can stop listening and start again.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::port::free_port;
use crate::wait::wait_for;

/// After a pause another program may sit on the port for a moment.
const BIND_DEADLINE: Duration = Duration::from_secs(10);

/// Ends when dropped; the connections it took are their owners'.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    wanted: watch::Sender<bool>,
    listening: watch::Receiver<bool>,
}

impl Listener {
    /// Listens on a free port of 127.0.0.1 and hands every connection to `serve`.
    pub(crate) async fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let (wanted, orders) = watch::channel(true);
        let (state, listening) = watch::channel(false);
        tokio::spawn(run(address, orders, state, serve));
        let listener = Self { address, wanted, listening };
        listener.set_open(true).await;
        listener
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when new connections are taken, or refused.
    pub(crate) async fn set_open(&self, open: bool) {
        self.wanted.send_replace(open);
        // An error would mean that the task ended, which only dropping this does.
        let _ = self.listening.clone().wait_for(|listening| *listening == open).await;
    }
}

async fn run(
    address: SocketAddr,
    mut wanted: watch::Receiver<bool>,
    state: watch::Sender<bool>,
    serve: impl Fn(TcpStream),
) {
    while wanted.wait_for(|open| *open).await.is_ok() {
        let socket = wait_for("the listener's port to be free", BIND_DEADLINE, || async {
            TcpListener::bind(address).await.ok()
        })
        .await;
        state.send_replace(true);
        loop {
            tokio::select! {
                closed = wanted.wait_for(|open| !*open) => match closed {
                    Ok(_) => break,
                    // The listener was dropped.
                    Err(_) => return,
                },
                accepted = socket.accept() => if let Ok((connection, _)) = accepted {
                    serve(connection);
                }
            }
        }
        drop(socket);
        state.send_replace(false);
    }
}
