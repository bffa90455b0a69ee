//! Why a server could not be reached, as far as the I/O error of a dial tells.

use std::{error::Error, io, sync::Arc};

/// How the standard library begins the error of a failed name lookup. Its kind has no name in stable Rust; a test
/// below fails should the text change.
const LOOKUP_FAILED: &str = "failed to lookup address information";

/// The step of a dial that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialFailure {
    /// The host name has no address, or the name server did not answer.
    HostNotFound,
    /// The TLS handshake failed: the certificate is not trusted, or the server speaks no TLS on this port.
    Tls,
    /// No connection: refused, timed out, reset.
    NoConnection,
}

impl From<&io::Error> for DialFailure {
    fn from(error: &io::Error) -> Self {
        if error.get_ref().is_some_and(is_tls) {
            Self::Tls
        } else if error.to_string().starts_with(LOOKUP_FAILED) {
            Self::HostNotFound
        } else {
            Self::NoConnection
        }
    }
}

impl DialFailure {
    /// Finds the I/O error among the sources of a client library's error.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = io_error(error) {
                return error.into();
            }
            next = error.source();
        }
        Self::NoConnection
    }
}

/// Some libraries share their source in an `Arc`, which is an error itself and hides the type of the other.
fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let shared = || error.downcast_ref::<Arc<dyn Error + Send + Sync>>()?.downcast_ref::<io::Error>();
    error.downcast_ref::<io::Error>().or_else(shared)
}

/// Client libraries wrap rustls' error once or twice.
fn is_tls(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<rustls::Error>().is_some()
        || error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).is_some_and(is_tls)
}

#[cfg(test)]
mod tests {
    use std::{error::Error, io, sync::Arc};

    use tokio::net::{TcpStream, lookup_host};

    use super::DialFailure;

    #[tokio::test]
    async fn a_name_without_an_address_is_told_from_a_port_where_nothing_listens() {
        let unknown = lookup_host(("no-such-host.invalid", 1)).await.map(drop).unwrap_err();
        assert_eq!(DialFailure::from(&unknown), DialFailure::HostNotFound, "{unknown}");
        let refused = TcpStream::connect("127.0.0.1:1").await.unwrap_err();
        assert_eq!(DialFailure::from(&refused), DialFailure::NoConnection, "{refused}");
    }

    #[test]
    fn a_failed_handshake_is_found_however_often_it_was_wrapped() {
        let handshake = || io::Error::other(rustls::Error::HandshakeNotComplete);
        assert_eq!(DialFailure::from(&handshake()), DialFailure::Tls);
        assert_eq!(DialFailure::of(&io::Error::other(handshake())), DialFailure::Tls);
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(handshake());
        assert_eq!(DialFailure::of(&shared), DialFailure::Tls);
    }
}
