//! Certificates of test servers, created for each: good ones, and those that clients must refuse.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// What a server serves with.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
    /// The PEM of the CA that a client must trust.
    pub authority: String,
}

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];

impl Certificate {
    /// For `localhost` and `127.0.0.1`, by an authority of its own.
    #[must_use]
    pub fn good() -> Self {
        signed(&params(&HERE))
    }

    /// Signed by an authority, and for another name.
    #[must_use]
    pub fn of_another_host() -> Self {
        signed(&params(&["elsewhere.example"]))
    }

    /// Signed by an authority, and no longer valid.
    #[must_use]
    pub fn expired() -> Self {
        let mut params = params(&HERE);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        signed(&params)
    }

    /// Its own authority, and marked as one, as `openssl req -x509` makes it.
    #[must_use]
    pub fn self_signed() -> Self {
        own(params(&HERE))
    }

    /// [`Certificate::self_signed`], for another name.
    #[must_use]
    pub fn self_signed_of_another_host() -> Self {
        own(params(&["elsewhere.example"]))
    }

    /// [`Certificate::self_signed`], and no longer valid.
    #[must_use]
    pub fn self_signed_and_expired() -> Self {
        let mut params = params(&HERE);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        own(params)
    }

    /// As the configurations of servers name them.
    pub(crate) fn files(&self) -> [(&'static str, &str); 3] {
        [("tls.crt", &self.certificate), ("tls.key", &self.key), ("ca.crt", &self.authority)]
    }

    /// Serves with it.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes()).collect::<Result<_, _>>();
        let chain = chain.unwrap_or_else(|error| panic!("no certificate: {error}"));
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes());
        let key = key.unwrap_or_else(|error| panic!("no key: {error}"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        TlsAcceptor::from(Arc::new(config.unwrap_or_else(|error| panic!("no TLS: {error}"))))
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names = names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let mut params = CertificateParams::new(names).unwrap_or_else(|error| panic!("no certificate: {error}"));
    params.distinguished_name.push(DnType::CommonName, "a server of a test");
    params
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap_or_else(|error| panic!("no key: {error}"))
}

fn own(mut params: CertificateParams) -> Certificate {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = key();
    let made = params.self_signed(&key).unwrap_or_else(|error| panic!("no certificate: {error}"));
    Certificate { certificate: made.pem(), key: key.serialize_pem(), authority: made.pem() }
}

fn signed(params: &CertificateParams) -> Certificate {
    let mut of_authority = CertificateParams::default();
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    of_authority.distinguished_name.push(DnType::CommonName, "an authority of a test");
    let authority = CertifiedIssuer::self_signed(of_authority, self::key());
    let authority = authority.unwrap_or_else(|error| panic!("no authority: {error}"));
    let key = key();
    let made = params.signed_by(&key, &authority).unwrap_or_else(|error| panic!("no certificate: {error}"));
    Certificate { certificate: made.pem(), key: key.serialize_pem(), authority: authority.pem() }
}
