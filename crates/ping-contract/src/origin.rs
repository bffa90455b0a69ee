//! Origins of web pages and apps (RFC 6454), in the form in which browsers send them.

use std::net::Ipv6Addr;

/// What [`normalise`] and the CRD take: a scheme, a host, and perhaps a port. Not a path, and not the `null` of pages
/// without an origin.
pub const PATTERN: &str =
    r"^[A-Za-z][A-Za-z0-9+.-]*://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-][A-Za-z0-9._-]*)(:[0-9]{1,5})?$";

/// The origin as browsers send it: scheme and host in lower case, without the scheme's default port. Apps have schemes
/// of their own, such as `capacitor://localhost`. `None` if it does not match [`PATTERN`].
#[must_use]
pub fn normalise(text: &str) -> Option<String> {
    let (scheme, authority) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b));
    let scheme = Some(scheme.to_ascii_lowercase()).filter(|_| is_scheme)?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host = normalise_host(host)?;
    let port = match port {
        Some(port) if port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) => {
            Some(port.parse::<u32>().ok()?)
        }
        Some(_) => return None,
        None => None,
    };
    let default = match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    match port.filter(|port| Some(*port) != default) {
        Some(port) => Some(format!("{scheme}://{host}:{port}")),
        None => Some(format!("{scheme}://{host}")),
    }
}

fn normalise_host(host: &str) -> Option<String> {
    if let Some(literal) = host.strip_prefix('[') {
        let address = literal.strip_suffix(']')?;
        let is_literal =
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b));
        // What only looks like an address is kept as it is: no page has that origin.
        let address = address.parse().map_or_else(|_| address.to_owned(), |v6: Ipv6Addr| v6.to_string());
        return Some(format!("[{address}]")).filter(|_| is_literal);
    }
    let is_name = !host.is_empty()
        && !host.starts_with('.')
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    is_name.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PATTERN, normalise};

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (text, sent) in [
            ("https://app.example.org", "https://app.example.org"),
            ("HTTPS://App.Example.ORG:443", "https://app.example.org"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://localhost:80", "https://localhost:80"),
            ("https://[2001:DB8:0::1]:443", "https://[2001:db8::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("Ionic://localhost", "ionic://localhost"),
            ("tauri://localhost", "tauri://localhost"),
            ("app://-", "app://-"),
            (
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            ),
        ] {
            assert_eq!(normalise(text).as_deref(), Some(sent), "{text}");
            assert_eq!(normalise(sent).as_deref(), Some(sent), "{sent}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for text in [
            "",
            "*",
            "null",
            "app.example.org",
            "https://",
            "https:///",
            "https://app.example.org/",
            "https://app.example.org/x",
            "https://app.example.org?x",
            "https://ada@app.example.org",
            "https://app.example.org:",
            "https://app.example.org:x",
            "https://app.example.org:123456",
            "https://.example.org",
            "https://*.example.org",
            "https://bücher.example",
            "https://[]",
            "https://[::1",
            "https://app example.org",
            "1app://localhost",
            "://localhost",
        ] {
            assert_eq!(normalise(text), None, "{text}");
        }
    }

    fn matching() -> impl Strategy<Value = String> {
        proptest::string::string_regex(PATTERN.trim_matches(['^', '$'])).unwrap()
    }

    proptest! {
        /// So what the CRD takes never keeps a service from starting.
        #[test]
        fn any_text_of_the_pattern_is_an_origin_and_normalised_for_good(text in matching()) {
            let origin = normalise(&text);
            prop_assert!(origin.is_some(), "{text}");
            prop_assert_eq!(origin.as_deref().and_then(normalise), origin.clone());
        }
    }
}
