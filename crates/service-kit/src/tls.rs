//! The one TLS provider of the process: ring, with rustls; and the client configuration that trusts one CA or the
//! public ones.

mod failure;
mod own_certificate;
mod probe;

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use self::own_certificate::OwnCertificate;
pub use self::{failure::tls_trouble, probe::speaks_tls};

/// A CA file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// Not there, not readable, or not PEM.
    #[error("could not read the CA file {0}: give the path of a readable PEM file")]
    Read(String, #[source] rustls::pki_types::pem::Error),
    #[error("could not read the CA: give its certificate as PEM")]
    Parse(#[source] rustls::pki_types::pem::Error),
    /// Read, and without a certificate that can be trusted.
    #[error("the CA file {0} holds no usable certificate: give a PEM file with the CA's certificate")]
    Empty(String),
    /// Parsed, and without a certificate that can be trusted.
    #[error("the CA holds no usable certificate: give the CA's certificate as PEM")]
    None,
}

/// Whether an error comes from TLS, however often it was wrapped.
pub(crate) fn is_of_handshake(error: &std::io::Error) -> bool {
    failure::inner(error).is_some()
}

/// Makes ring the process-wide provider; call it first thing in main. A second call changes nothing.
pub fn install_provider() {
    // An error only says that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client that trusts the certificates in `ca_file` alone, or without one the public web's.
///
/// The public roots are compiled in: our images hold no file but the program.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, CaError> {
    let Some(path) = ca_file else {
        install_provider();
        let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        return Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    };
    let name = || path.display().to_string();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| CaError::Read(name(), source))?;
    trusting(certificates).ok_or_else(|| CaError::Empty(name()))
}

/// A client that trusts the certificates in `pem` alone.
pub fn client_config_of(pem: &[u8]) -> Result<ClientConfig, CaError> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    trusting(certificates.map_err(CaError::Parse)?).ok_or(CaError::None)
}

/// `None` if not one of them can be trusted.
fn trusting(certificates: Vec<CertificateDer<'static>>) -> Option<ClientConfig> {
    install_provider();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
    if added == 0 {
        return None;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = OwnCertificate::new(roots, certificates, provider)?;
    let builder = ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Some(builder.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{CaError, client_config, client_config_of};

    #[test]
    fn the_public_roots_are_trusted_unless_a_file_is_given() {
        assert!(client_config(None).is_ok());
        assert!(matches!(client_config(Some(Path::new("/nowhere/ca.pem"))), Err(CaError::Read(..))));
        let not_pem = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(matches!(client_config(Some(not_pem)), Err(CaError::Empty(_))));
    }

    #[test]
    fn a_ca_without_a_certificate_is_refused() {
        assert!(matches!(client_config_of(b"no PEM"), Err(CaError::None)));
        let truncated = b"-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(client_config_of(truncated), Err(CaError::Parse(_))));
    }
}
