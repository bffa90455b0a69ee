//! The server's side of TLS: whom it lets in and what it shows. Made anew whenever one of the two changes.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::ring,
    server::{NoServerSessionStorage, VerifierBuilderError},
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::access::{authentication, front_proxy::FrontProxy};

pub mod watch;

/// TLS settings that belong together, and the front proxy that they let in.
#[derive(Debug, Clone)]
pub struct Trust {
    pub tls: Arc<ServerConfig>,
    pub front_proxy: Arc<FrontProxy>,
}

/// No handshake is possible with what there is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no certificate of the front proxy's CA bundle can be used")]
    Authorities(#[source] VerifierBuilderError),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl Trust {
    /// Lets the front proxy in, and shows `key`.
    pub fn new(front_proxy: Arc<FrontProxy>, key: Arc<CertifiedKey>) -> Result<Self, Error> {
        let verifier = authentication::verifier(&front_proxy).map_err(Error::Authorities)?;
        let mut tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // A resumed session skips the certificate: each handshake here shall check it.
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        tls.send_tls13_tickets = 0;
        Ok(Self { tls: Arc::new(tls), front_proxy })
    }
}
