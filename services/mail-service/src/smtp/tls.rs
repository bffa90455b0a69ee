//! How a session is encrypted. Certificates are verified, always; plain text must be asked for by name.

use std::{path::Path, sync::Arc};

use rustls::ClientConfig;
use service_kit::tls::{CaError, client_config};

/// What a user can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum TlsMode {
    /// Plain greeting, then STARTTLS; a server that does not offer it gets no mail.
    StartTls,
    /// TLS from the first byte (port 465).
    Implicit,
    /// No encryption: a relay on the same host or a test.
    None,
}

/// What a session needs to do so.
#[derive(Clone)]
pub enum Security {
    /// [`TlsMode::None`].
    Plain,
    /// [`TlsMode::StartTls`].
    StartTls(Arc<ClientConfig>),
    /// [`TlsMode::Implicit`].
    Implicit(Arc<ClientConfig>),
}

/// Why there is no encryption to be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the CA of the mail server cannot be used")]
    Ca(#[source] CaError),
}

impl Security {
    /// Trusts the certificates in `ca_file` alone, or without one the public ones.
    pub fn new(mode: TlsMode, ca_file: Option<&Path>) -> Result<Self, TlsError> {
        if mode == TlsMode::None {
            return Ok(Self::Plain);
        }
        let config = Arc::new(client_config(ca_file).map_err(TlsError::Ca)?);
        Ok(if mode == TlsMode::Implicit { Self::Implicit(config) } else { Self::StartTls(config) })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Security, TlsError, TlsMode};

    #[test]
    fn a_ca_file_without_a_certificate_is_refused_in_both_modes() {
        let not_pem = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        for mode in [TlsMode::StartTls, TlsMode::Implicit] {
            assert!(matches!(Security::new(mode, Some(not_pem)), Err(TlsError::Ca(_))));
            assert!(Security::new(mode, None).is_ok(), "{mode:?}");
        }
    }
}
