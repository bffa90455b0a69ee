//! The one TLS provider of the process: ring, with rustls.

/// Makes ring the process-wide provider; call it first thing in main. A second call changes nothing.
pub fn install_provider() {
    // An error only says that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
