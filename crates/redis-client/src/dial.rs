//! One connection to Redis, and why there is none.
//!
//! The socket is ours and not redis-rs': its TLS trusts no self-signed certificate that is its own CA, and the error of
//! its handshake does not say what is wrong.

use std::{io, sync::Arc, time::Duration};

use ping_contract::{redis_trouble::RedisTrouble, tls_trouble::TlsTrouble};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, RedisError, aio::MultiplexedConnection,
};
use rustls::{ClientConfig, pki_types::ServerName};
use service_kit::{telemetry::chain, tls::speaks_tls};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::error::dial_trouble;

/// Connecting may take this long, name lookup and TLS included.
const DIAL_DEADLINE: Duration = Duration::from_secs(1);
/// A peer that does not acknowledge for this long is gone. The supervisor notices earlier; this frees the socket.
const USER_TIMEOUT: Duration = Duration::from_secs(5);
/// Commands that may wait to be written; more wait for a place in the pipeline.
const PIPELINE: usize = 1024;

/// Where Redis is, and whom to trust there.
#[derive(Debug, Clone)]
pub struct RedisServer {
    client: Client,
    tls: Option<Arc<ClientConfig>>,
}

impl RedisServer {
    pub(crate) fn new(client: Client, tls: Option<ClientConfig>) -> Self {
        Self { client, tls: tls.map(Arc::new) }
    }

    pub(crate) fn info(&self) -> &ConnectionInfo {
        self.client.get_connection_info()
    }

    pub(crate) async fn dial(&self) -> Result<MultiplexedConnection, RedisTrouble> {
        match timeout(DIAL_DEADLINE, self.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => {
                tracing::debug!(error = chain(&error), "cannot connect to redis");
                Err(self.explain(&error).await)
            }
            Err(_) => Err(self.explain_silence().await),
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        match (self.info().addr(), &self.tls) {
            (ConnectionAddr::Tcp(host, port), _) => self.set_up(tcp(host, *port).await?).await,
            (ConnectionAddr::TcpTls { host, port, .. }, Some(config)) => {
                let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                let stream = tcp(host, *port).await?;
                self.set_up(TlsConnector::from(Arc::clone(config)).connect(name, stream).await?).await
            }
            _ => self.client.get_multiplexed_async_connection_with_config(&config()).await,
        }
    }

    /// Logs in and selects the database.
    async fn set_up<S>(&self, stream: S) -> Result<MultiplexedConnection, RedisError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let settings = self.info().redis_settings();
        let (connection, driver) = MultiplexedConnection::new_with_config(settings, stream, config()).await?;
        #[expect(clippy::disallowed_methods, reason = "it ends with the last handle of its connection")]
        tokio::spawn(driver);
        Ok(connection)
    }

    /// A server that expects TLS only hangs up on a client in clear: whether it does is asked then.
    async fn explain(&self, error: &RedisError) -> RedisTrouble {
        let trouble = dial_trouble(error);
        match self.info().addr() {
            ConnectionAddr::Tcp(host, port)
                if trouble == RedisTrouble::Unreachable
                    && !error.is_connection_refusal()
                    && speaks_tls(host, *port).await =>
            {
                RedisTrouble::TlsFailed(TlsTrouble::TlsPort)
            }
            _ => trouble,
        }
    }

    /// A server in clear waits for the end of what it takes for a command, and says nothing to a client of TLS.
    async fn explain_silence(&self) -> RedisTrouble {
        match self.info().addr() {
            ConnectionAddr::TcpTls { host, port, .. } if answers_in_clear(host, *port).await => {
                RedisTrouble::TlsFailed(TlsTrouble::PlainPort)
            }
            _ => RedisTrouble::Unreachable,
        }
    }
}

/// Whether Redis answers a PING in clear, be it with an error.
async fn answers_in_clear(host: &str, port: u16) -> bool {
    let asked = async {
        let mut stream = tcp(host, port).await?;
        stream.write_all(b"PING\r\n").await?;
        stream.read_u8().await
    };
    matches!(timeout(DIAL_DEADLINE, asked).await, Ok(Ok(b'+' | b'-')))
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(DIAL_DEADLINE))
        .set_response_timeout(None) // ours covers the whole call, the loading of a script included
        .set_pipeline_buffer_size(PIPELINE)
}

/// A socket with the options of a connection that requests wait for.
async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::{USER_TIMEOUT, tcp};

    #[tokio::test]
    async fn a_connection_notices_a_peer_that_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tcp("127.0.0.1", listener.local_addr().unwrap().port()).await.unwrap();
        let socket = socket2::SockRef::from(&stream);
        assert!(stream.nodelay().unwrap() && socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
    }
}
