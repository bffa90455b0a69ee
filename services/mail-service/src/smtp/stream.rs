//! The socket under a session: TCP with the options that lettre does not set, and TLS.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How long a peer may leave written bytes unacknowledged before the kernel gives the connection up.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The addresses of a host, at least one.
pub(super) async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses = lookup_host((host, port)).await?.collect::<Vec<_>>();
    if addresses.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
}

/// Connects to the addresses in turn, each with an equal share of `limit`.
pub(super) async fn connect(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for &address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                set_options(&stream)?;
                return Ok(stream);
            }
            Ok(Err(error)) => failed = error,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

/// Nodelay: without it a mail on a reused connection waits 44 ms for a delayed acknowledgement (measured). Keepalive
/// and user timeout: a peer that a NAT forgot is noticed.
fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(USER_TIMEOUT).with_interval(USER_TIMEOUT / 3).with_retries(3);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

/// TLS over `stream`, the certificate verified for `host`.
pub(super) async fn encrypt(
    stream: TcpStream,
    host: &str,
    config: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    /// Without nodelay every mail on a reused connection waits 44 ms. The option is what prevents it.
    #[tokio::test]
    async fn trap_3_the_socket_sends_small_writes_at_once_and_notices_a_dead_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = super::lookup("127.0.0.1", listener.local_addr().unwrap().port()).await.unwrap();
        let stream = super::connect(&addresses, Duration::from_secs(30)).await.unwrap();
        assert!(stream.nodelay().unwrap());
        let socket = socket2::SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(super::USER_TIMEOUT));
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_an_error() {
        assert!(super::lookup("relay.invalid", 25).await.is_err());
    }
}
