//! One connection, opened within a deadline and closed for good.
//!
//! lapin runs each connection on a thread of its own that ends with the socket, not with the handle. A second handle
//! to the socket is kept here and shut down at the end, so that a broker that hangs cannot leave threads behind.

mod refusal;

use std::{
    net::{Shutdown, TcpStream},
    os::fd::AsFd as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{ExchangeDeclareOptions, QueueDeclareOptions},
    tcp::{AsyncTcpStream, RustlsConnector},
    types::FieldTable,
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo},
};
use ping_contract::tls_trouble::TlsTrouble;
use secrecy::ExposeSecret as _;
use service_kit::backoff::Backoff;
use tokio::time::timeout;

pub(crate) use self::refusal::explain_subscription;
use self::refusal::{explain, explain_dial};
use crate::{
    cause::Cause,
    config::{BrokerConfig, TlsConfig},
};

/// For all of connecting, opening channels and declaring passively, and for each answer after that.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// For an orderly goodbye; then the socket is cut.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody there, or a broker that hangs or is in alarm.
    #[error("the broker did not answer within 5 s")]
    Deadline,
    #[error("the broker refused user or password: check RABBITMQ_USER and RABBITMQ_PASSWORD")]
    Login,
    /// No such vhost, or no permissions on it at all.
    #[error("the broker refused the vhost '{0}': create it, or give the user permissions on it")]
    Vhost(String),
    /// The user may not read from the queue.
    #[error("the broker refused access to '{0}': give the user permissions on it")]
    Permission(String),
    /// An exchange or a queue is missing.
    #[error("'{0}' does not exist on the broker: run ping-topology, or let the operator do it")]
    Missing(String),
    /// The host name has no address.
    #[error("the broker's host name has no address: check RABBITMQ_HOST")]
    HostNotFound(#[source] lapin::Error),
    /// A certificate that is not trusted, or a port that speaks TLS where the client does not, or the other way around.
    #[error("{}", .0.of_rabbitmq())]
    Tls(TlsTrouble, #[source] lapin::Error),
    /// The limit of the user, of the vhost or of the node.
    #[error(
        "the broker allows no further connection: raise the connection limit of the user or of the vhost"
    )]
    ConnectionLimit,
    /// The limit of the user, or `channel_max`.
    #[error("the broker allows no further channel: raise channel_max or the channel limit of the user")]
    ChannelLimit,
    /// Anything else, such as a connection refused.
    #[error("could not reach the broker")]
    Other(#[source] lapin::Error),
}

impl ConnectError {
    /// What a status says of it.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::Deadline | Self::Other(_) => Cause::Unreachable,
            Self::Login | Self::Vhost(_) | Self::Permission(_) => Cause::AccessDenied,
            Self::Missing(_) => Cause::Missing,
            Self::HostNotFound(_) => Cause::HostNotFound,
            Self::Tls(trouble, _) => Cause::TlsFailed(*trouble),
            Self::ConnectionLimit | Self::ChannelLimit => Cause::LimitReached,
        }
    }
}

/// The waits at a limit of the broker: pods that hammer it would keep each other out.
pub(crate) fn at_limit() -> Backoff {
    Backoff::new(Duration::from_secs(2), Duration::from_secs(30))
}

/// An open connection. Dropping it cuts the socket.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    socket: Arc<Socket>,
}

/// A second handle to the socket, there once it is connected.
#[derive(Debug, Default)]
struct Socket(Mutex<Option<TcpStream>>);

impl Socket {
    fn keep(&self, handle: TcpStream) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
    }

    fn cut(&self) {
        if let Some(socket) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An error says that it is not connected any more.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Cuts the socket unless the connection took it over: a handshake that was given up ends its thread too.
struct CutOnDrop(Option<Arc<Socket>>);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            socket.cut();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.socket.cut();
    }
}

impl Link {
    /// Connects and logs in. The caller sets the deadline, for this and what follows.
    pub(crate) async fn open(config: &BrokerConfig) -> Result<Self, ConnectError> {
        let socket = Arc::new(Socket::default());
        let mut guard = CutOnDrop(Some(Arc::clone(&socket)));
        let tls = config.tls.clone();
        let kept = Arc::clone(&socket);
        let runtime = lapin::runtime::default_runtime().map_err(ConnectError::Other)?;
        let connect = async move |uri: AMQPUri, runtime| {
            let dial = dial(uri, runtime, tls.clone(), Arc::clone(&kept));
            // Its thread would outlive the caller's deadline.
            timeout(DEADLINE, dial)
                .await
                .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
                .map_err(Into::into)
        };
        let name = config.connection_name.as_str().into();
        let properties = ConnectionProperties::default().with_connection_name(name);
        let connection = match Connection::connector(uri(config), runtime, connect, properties).await {
            Ok(connection) => connection,
            Err(error) => return Err(explain_dial(error, config).await),
        };
        guard.0 = None;
        Ok(Self { connection, socket })
    }

    /// Whether messages can be sent. `false` for good once the connection is lost.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.status().connected()
    }

    /// Whether the broker is in alarm and reads nothing from us.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Says goodbye to a broker that listens, and cuts the socket of one that does not.
    pub(crate) async fn close(self) {
        if self.is_connected() && !self.is_blocked() {
            let _ = timeout(CLOSE_DEADLINE, self.connection.close(200, "goodbye".into())).await;
        }
    }

    /// Opens a channel.
    pub(crate) async fn channel(&self) -> Result<Channel, ConnectError> {
        self.connection.create_channel().await.map_err(|error| explain(error, "channel"))
    }

    /// How many of the wanted channels fit beside the one that [`Link::check`] takes.
    pub(crate) fn channels(&self, wanted: usize) -> Result<usize, ConnectError> {
        let left = usize::from(self.connection.configuration().channel_max()).saturating_sub(1);
        if left == 0 { Err(ConnectError::ChannelLimit) } else { Ok(wanted.min(left)) }
    }

    /// Looks whether exchanges and queues exist, on a channel of its own: a missing one closes it.
    pub(crate) async fn check(&self, exchanges: &[String], queues: &[String]) -> Result<(), ConnectError> {
        let channel = self.channel().await?;
        for name in exchanges {
            let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
            let kind = lapin::ExchangeKind::Direct;
            let declared =
                channel.exchange_declare(name.as_str().into(), kind, options, FieldTable::default()).await;
            declared.map_err(|error| explain(error, name))?;
        }
        for name in queues {
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let declared = channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await;
            declared.map_err(|error| explain(error, name))?;
        }
        close_channel(&channel).await;
        Ok(())
    }
}

/// Closes a channel that is not needed any more; one that is gone already is as good.
async fn close_channel(channel: &Channel) {
    let _ = channel.close(200, "done".into()).await;
}

fn uri(config: &BrokerConfig) -> AMQPUri {
    let userinfo =
        AMQPUserInfo { username: config.user.clone(), password: config.password.expose_secret().to_owned() };
    AMQPUri {
        // Ours to decide in `dial`.
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority { userinfo, host: config.host.clone(), port: config.port },
        vhost: config.vhost.clone(),
        query: AMQPQueryString {
            heartbeat: Some(u16::try_from(config.heartbeat.as_secs()).unwrap_or(u16::MAX)),
            ..AMQPQueryString::default()
        },
    }
}

type Runtime = async_rs::TokioRuntime;
type Stream = AsyncTcpStream<<Runtime as async_rs::traits::Reactor>::TcpStream>;

async fn dial(
    uri: AMQPUri,
    runtime: Runtime,
    tls: Option<TlsConfig>,
    kept: Arc<Socket>,
) -> std::io::Result<Stream> {
    let host = uri.authority.host;
    let addresses = runtime.to_socket_addrs((host.clone(), uri.authority.port));
    let stream = Stream::connect(&runtime, addresses).await?;
    if let AsyncTcpStream::Plain(plain) = &stream {
        kept.keep(plain.get_ref().as_fd().try_clone_to_owned()?.into());
    }
    match tls {
        None => Ok(stream),
        Some(TlsConfig(config)) => stream.into_rustls(&RustlsConnector::from(config), &host).await,
    }
}
