//! A certificate for the mail server, made anew for each.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// A self-signed certificate for `localhost` and `127.0.0.1`: what serves with it, and the PEM that a client must trust.
pub(super) fn self_signed() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let made = made.unwrap_or_else(|error| panic!("no certificate for the mail server: {error}"));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().and_then(
            |builder| builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key),
        );
    let config = config.unwrap_or_else(|error| panic!("no TLS for the mail server: {error}"));
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}
