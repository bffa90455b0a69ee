//! Why a server could not be reached, as far as the I/O error of a dial tells.

use std::{error::Error, io, sync::Arc};

use ping_contract::tls_trouble::TlsTrouble;

use crate::tls;

/// How the standard library begins the error of a failed name lookup. Its kind has no name in stable Rust; a test
/// below fails should the text change.
const LOOKUP_FAILED: &str = "failed to lookup address information";

/// The step of a dial that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialFailure {
    /// The host name has no address, or the name server did not answer.
    HostNotFound,
    /// The TLS handshake failed.
    Tls(TlsTrouble),
    /// No connection: refused, timed out, reset.
    NoConnection,
}

impl From<&io::Error> for DialFailure {
    fn from(error: &io::Error) -> Self {
        if tls::is_of_handshake(error) {
            Self::Tls(tls::tls_trouble(error))
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

#[cfg(test)]
mod tests {
    use std::{error::Error, io, sync::Arc};

    use ping_contract::tls_trouble::TlsTrouble;
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
        const FAILED: DialFailure = DialFailure::Tls(TlsTrouble::Handshake);
        let handshake = || io::Error::other(rustls::Error::HandshakeNotComplete);
        assert_eq!(DialFailure::from(&handshake()), FAILED);
        assert_eq!(DialFailure::of(&io::Error::other(handshake())), FAILED);
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(handshake());
        assert_eq!(DialFailure::of(&shared), FAILED);
    }
}
