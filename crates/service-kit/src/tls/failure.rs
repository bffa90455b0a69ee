//! Which trouble an error of a TLS handshake is.

use std::{error::Error, io};

use ping_contract::tls_trouble::TlsTrouble;
use rustls::CertificateError;

/// What the error of a handshake says; it may be wrapped in I/O errors.
#[must_use]
pub fn tls_trouble(error: &io::Error) -> TlsTrouble {
    match inner(error) {
        Some(error) => of_rustls(error),
        // The end of the connection in the handshake: a server that speaks something else hangs up, or says nothing of use.
        None => TlsTrouble::Handshake,
    }
}

/// The error of rustls inside.
pub(crate) fn inner(error: &io::Error) -> Option<&rustls::Error> {
    let source: &(dyn Error + Send + Sync + 'static) = error.get_ref()?;
    source.downcast_ref::<rustls::Error>().or_else(|| source.downcast_ref::<io::Error>().and_then(inner))
}

fn of_rustls(error: &rustls::Error) -> TlsTrouble {
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        // The first octets are no record of TLS.
        rustls::Error::InvalidMessage(_) => TlsTrouble::PlainPort,
        _ => TlsTrouble::Handshake,
    }
}

fn of_certificate(error: &CertificateError) -> TlsTrouble {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsTrouble::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsTrouble::Expired,
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsTrouble::UnknownCa,
        other if is_ca_as_server(other) => TlsTrouble::UnknownCa,
        _ => TlsTrouble::Handshake,
    }
}

/// A self-signed certificate that says of itself that it is a CA, as `openssl req -x509` makes them. rustls has no name
/// for it but webpki's.
pub(super) fn is_ca_as_server(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use ping_contract::tls_trouble::TlsTrouble;
    use rustls::{CertificateError, Error, InvalidMessage};

    use super::tls_trouble;

    #[test]
    fn an_error_is_told_by_its_kind_however_often_it_was_wrapped() {
        for (error, trouble) in [
            (Error::InvalidCertificate(CertificateError::NotValidForName), TlsTrouble::WrongName),
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), TlsTrouble::UnknownCa),
            (Error::InvalidCertificate(CertificateError::Expired), TlsTrouble::Expired),
            (Error::InvalidCertificate(CertificateError::NotValidYet), TlsTrouble::Expired),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), TlsTrouble::PlainPort),
            (Error::HandshakeNotComplete, TlsTrouble::Handshake),
        ] {
            assert_eq!(tls_trouble(&io::Error::other(error.clone())), trouble, "{error}");
            assert_eq!(tls_trouble(&io::Error::other(io::Error::other(error))), trouble);
        }
        assert_eq!(tls_trouble(&io::ErrorKind::UnexpectedEof.into()), TlsTrouble::Handshake);
    }
}
