//! Who asks: first the front proxy's certificate, in the TLS handshake, and only then the headers it wrote.
//!
//! The handshake fails without a certificate of the bundle that bears an allowed name: whoever lacks it gets an alert
//! and not one octet of HTTP. So every request that arrives here was passed on by the API server.

use std::{collections::BTreeMap, sync::Arc};

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::ring,
    pki_types::{CertificateDer, UnixTime},
    server::{
        VerifierBuilderError, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::front_proxy::FrontProxy;
use crate::refusal::Refusal;

/// Accepts the front proxy's certificate and no other.
pub fn verifier(front_proxy: &FrontProxy) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
    let mut roots = RootCertStore::empty();
    // One odd certificate in the bundle must not shut out the others; none at all is an error below.
    roots.add_parsable_certificates(front_proxy.authorities.iter().cloned());
    let provider = Arc::new(ring::default_provider());
    let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    Ok(Arc::new(FrontProxyVerifier { chain, allowed_names: front_proxy.allowed_names.clone() }))
}

#[derive(Debug)]
struct FrontProxyVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    allowed_names: Vec<String>,
}

impl FrontProxyVerifier {
    fn allows(&self, certificate: &CertificateDer<'_>) -> bool {
        if self.allowed_names.is_empty() {
            return true;
        }
        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
        // Several common names would leave open which one counts.
        let mut names =
            certificate.subject().iter_common_name().map(x509_parser::x509::AttributeTypeAndValue::as_str);
        match (names.next(), names.next()) {
            (Some(Ok(name)), None) => self.allowed_names.iter().any(|allowed| allowed == name),
            _ => false,
        }
    }
}

impl ClientCertVerifier for FrontProxyVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        let refused = rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
        if self.allows(end_entity) { Ok(verified) } else { Err(refused) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// The user on whose behalf the front proxy asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub user: String,
    /// Its uid, if it has one.
    pub uid: Option<String>,
    pub groups: Vec<String>,
    /// Further facts, such as the pod of a service account.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Caller {
    /// Reads the headers of a request that came through the front proxy's own connection.
    pub fn of(front_proxy: &FrontProxy, headers: &HeaderMap) -> Result<Self, Refusal> {
        let user = first(headers, &front_proxy.username_headers)?;
        let mut groups = Vec::new();
        for name in &front_proxy.group_headers {
            groups.extend(values(headers, name)?);
        }
        Ok(Self {
            user: user.ok_or_else(|| Refusal::unauthorized("the front proxy names no user"))?,
            uid: first(headers, &front_proxy.uid_headers)?,
            groups,
            extra: extra(headers, &front_proxy.extra_prefixes)?,
        })
    }
}

fn first(headers: &HeaderMap, names: &[String]) -> Result<Option<String>, Refusal> {
    for name in names {
        let found = values(headers, name)?.into_iter().next().filter(|value| !value.is_empty());
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn values(headers: &HeaderMap, name: &str) -> Result<Vec<String>, Refusal> {
    headers.get_all(name).iter().map(|value| text(value.as_bytes())).collect()
}

fn text(value: &[u8]) -> Result<String, Refusal> {
    let unreadable = |_| Refusal::unauthorized("a header of the front proxy is no UTF-8");
    String::from_utf8(value.to_vec()).map_err(unreadable)
}

fn extra(headers: &HeaderMap, prefixes: &[String]) -> Result<BTreeMap<String, Vec<String>>, Refusal> {
    let mut extra = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in headers {
        // Header names arrive in lower case.
        let key = prefixes.iter().find_map(|prefix| name.as_str().strip_prefix(&prefix.to_ascii_lowercase()));
        if let Some(key) = key {
            let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
            extra.entry(key).or_default().push(text(value.as_bytes())?);
        }
    }
    Ok(extra)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::HeaderName};

    use super::Caller;
    use crate::{access::front_proxy::FrontProxy, test_authority::TestAuthority};

    fn front_proxy() -> FrontProxy {
        TestAuthority::new("front proxy").front_proxy(&["front-proxy-client"])
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn every_repeated_group_counts() {
        let headers = headers(&[("x-remote-user", "jane"), ("x-remote-group", "a"), ("x-remote-group", "b")]);
        let caller = Caller::of(&front_proxy(), &headers).unwrap();
        assert_eq!((caller.user.as_str(), caller.groups), ("jane", vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(caller.uid, None);
    }

    #[test]
    fn extra_facts_keep_their_decoded_keys_and_all_values() {
        let headers = headers(&[
            ("x-remote-user", "jane"),
            ("x-remote-extra-example.org%2fpod", "p1"),
            ("x-remote-extra-example.org%2fpod", "p2"),
            ("x-other", "no"),
        ]);
        let caller = Caller::of(&front_proxy(), &headers).unwrap();
        assert_eq!(
            caller.extra.into_iter().collect::<Vec<_>>(),
            [("example.org/pod".to_owned(), vec!["p1".to_owned(), "p2".to_owned()])]
        );
    }

    #[test]
    fn a_request_without_a_user_is_nobodys() {
        for pairs in [vec![], vec![("x-remote-user", "")], vec![("x-remote-group", "system:masters")]] {
            assert_eq!(Caller::of(&front_proxy(), &headers(&pairs)).unwrap_err().code, 401);
        }
    }
}
