//! The one TLS provider of the process: ring, with rustls; and the client configuration that trusts one CA or the
//! public ones.

use std::path::Path;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// A CA file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// Not there, not readable, or not PEM.
    #[error("could not read the CA file {0}: give the path of a readable PEM file")]
    Read(String, #[source] rustls::pki_types::pem::Error),
    /// Read, and without a certificate that can be trusted.
    #[error("the CA file {0} holds no usable certificate: give a PEM file with the CA's certificate")]
    Empty(String),
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
    install_provider();
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => add_certificates(&mut roots, path)?,
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

fn add_certificates(roots: &mut RootCertStore, path: &Path) -> Result<(), CaError> {
    let name = || path.display().to_string();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| CaError::Read(name(), source))?;
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 { Err(CaError::Empty(name())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{CaError, client_config};

    #[test]
    fn the_public_roots_are_trusted_unless_a_file_is_given() {
        assert!(client_config(None).is_ok());
        assert!(matches!(client_config(Some(Path::new("/nowhere/ca.pem"))), Err(CaError::Read(..))));
        let not_pem = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(matches!(client_config(Some(not_pem)), Err(CaError::Empty(_))));
    }
}
