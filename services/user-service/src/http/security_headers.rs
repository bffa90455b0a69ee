//! Headers that keep browsers from harm, on every answer.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName, HeaderValue, header},
};

use super::TrustedProxies;

/// Where a proxy that ends TLS says so.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A year, of this host alone: what other hosts of the domain do is not ours to say.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What the response to a request gets: `nosniff`, and `Strict-Transport-Security` where a trusted proxy has taken the request over
/// TLS (RFC 6797, section 7.2, forbids it in plain text).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SecurityHeaders {
    is_tls: bool,
}

impl SecurityHeaders {
    pub(crate) fn of(request: &Request, proxies: &TrustedProxies) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
        let is_tls = is_https(request.headers()) && peer.is_some_and(|peer| proxies.trusts_peer(peer.ip()));
        Self { is_tls }
    }

    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.is_tls {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
    }
}

/// The last entry is that of the proxy that we trust; what stands before it the client may have written.
fn is_https(headers: &HeaderMap) -> bool {
    let last = headers.get_all(FORWARDED_PROTO).iter().next_back().and_then(|value| value.to_str().ok());
    last.and_then(|value| value.rsplit(',').next())
        .is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::{FORWARDED_PROTO, is_https};

    #[test]
    fn the_last_proxy_has_the_say() {
        let is = |values: &[&'static str]| {
            let values = values.iter().map(|value| (FORWARDED_PROTO, HeaderValue::from_static(value)));
            is_https(&values.collect())
        };
        assert!(is(&["https"]) && is(&["HTTPS"]) && is(&["http, https"]) && is(&["http", "https"]));
        assert!(!is(&[]) && !is(&["http"]) && !is(&["https, http"]) && !is(&["https", "http"]) && !is(&[""]));
    }
}
