//! Whether a port speaks TLS: asked after a connection in clear has failed, so that a status can say why.

use std::{sync::Arc, time::Duration};

use ping_contract::tls_trouble::TlsTrouble;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{client_config, failure::tls_trouble};

/// For the connection and the handshake together.
const DEADLINE: Duration = Duration::from_secs(2);

/// Begins a handshake and hangs up. Nothing is sent but a greeting of TLS. A certificate, trusted or not, is an answer.
pub async fn speaks_tls(host: &str, port: u16) -> bool {
    let handshake = async {
        let config = client_config(None).ok()?;
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let stream = TcpStream::connect((host, port)).await.ok()?;
        Some(TlsConnector::from(Arc::new(config)).connect(name, stream).await)
    };
    match timeout(DEADLINE, handshake).await {
        Ok(Some(Ok(_))) => true,
        Ok(Some(Err(error))) => {
            matches!(tls_trouble(&error), TlsTrouble::WrongName | TlsTrouble::UnknownCa | TlsTrouble::Expired)
        }
        Ok(None) | Err(_) => false,
    }
}
