//! A TCP proxy to break connections with: between a service and Redis, RabbitMQ or a mail server.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::listener::Listener;

/// What the proxy does with bytes and new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on.
    Forward,
    /// Nothing listens: a new connection is refused. Those that exist go on.
    Refuse,
    /// Takes new connections, and passes nothing on in any: the other side is there and says nothing.
    BlackHole,
    /// Passes everything on, each piece this much later: a server that is far away.
    Late(Duration),
}

/// How existing connections are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// FIN, as a program does that closes its sockets.
    Cut,
    /// RST, as a crashed or hostile peer does.
    Reset,
}

/// What the proxy's tasks follow.
#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    /// Connections belong to the generation in which they began; all of an earlier one are ended.
    generation: u64,
    end: End,
}

/// A breakable TCP proxy. It ends with all its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    listener: Listener,
    state: watch::Sender<State>,
    /// Every connection holds a receiver, so that they can be counted.
    connections: watch::Sender<()>,
}

impl Proxy {
    /// A forwarding proxy on a free port of 127.0.0.1.
    pub async fn start(upstream: SocketAddr) -> Self {
        let state = watch::Sender::new(State { mode: Mode::Forward, generation: 0, end: End::Cut });
        let connections = watch::Sender::new(());
        let shared = state.subscribe();
        let counted = connections.clone();
        let listener = Listener::start(move |client| {
            let connection = Connection { counted: counted.subscribe(), state: shared.clone() };
            tokio::spawn(connection.run(client, upstream));
        });
        Self { listener: listener.await, state, connections }
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// Changes what happens from now on; returns when new connections see it.
    pub async fn set_mode(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
        self.listener.set_open(mode != Mode::Refuse).await;
    }

    /// Ends all connections as a program does that closes them (FIN).
    pub fn cut_connections(&self) {
        self.end_connections(End::Cut);
    }

    /// Ends all connections as a crashed peer does (RST).
    pub fn reset_connections(&self) {
        self.end_connections(End::Reset);
    }

    /// How many connections are open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.receiver_count()
    }

    fn end_connections(&self, end: End) {
        self.state.send_modify(|state| {
            state.generation += 1;
            state.end = end;
        });
    }
}

struct Connection {
    counted: watch::Receiver<()>,
    state: watch::Receiver<State>,
}

impl Connection {
    async fn run(self, mut client: TcpStream, upstream: SocketAddr) {
        let Self { counted, mut state } = self;
        let born = state.borrow().generation;
        let mut ending = state.clone();
        let ended = async {
            let changed = ending.wait_for(|state| state.generation != born).await;
            changed.map_or(End::Cut, |state| state.end)
        };
        let mut server = None;
        let relayed = async {
            passing(&mut state).await?;
            relay(&mut client, server.insert(TcpStream::connect(upstream).await.ok()?), &state).await;
            Some(())
        };
        let end = tokio::select! {
            end = ended => end,
            _ = relayed => End::Cut,
        };
        if end == End::Reset {
            let _ = client.set_zero_linger();
            let _ = server.map(|server| server.set_zero_linger());
        }
        drop(counted);
    }
}

/// Waits while the proxy is a black hole; `None` when it was dropped.
async fn passing(state: &mut watch::Receiver<State>) -> Option<()> {
    state.wait_for(|state| state.mode != Mode::BlackHole).await.ok().map(drop)
}

async fn relay(client: &mut TcpStream, server: &mut TcpStream, state: &watch::Receiver<State>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_in, client_out) = client.split();
    let (server_in, server_out) = server.split();
    tokio::join!(pump(client_in, server_out, state.clone()), pump(server_in, client_out, state.clone()));
}

/// Copies until the end of `from`, which it passes on; holds what it has read while the proxy is a black hole.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let mode = state.borrow().mode;
        if let Mode::Late(delay) = mode {
            tokio::time::sleep(delay).await;
        }
        if passing(&mut state).await.is_none() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    if passing(&mut state).await.is_some() {
        let _ = to.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
