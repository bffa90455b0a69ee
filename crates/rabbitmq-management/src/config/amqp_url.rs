//! `RABBITMQ_URL`, as the services read it: what of it `ping-topology` needs.

use reqwest::Url;

/// An AMQP URL, its parts decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AmqpUrl {
    pub(super) host: String,
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) vhost: Option<String>,
}

impl AmqpUrl {
    /// `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| ["amqp", "amqps"].contains(&url.scheme()))?;
        let given = |text: &str| (!text.is_empty()).then(|| decoded(text));
        Some(Self {
            host: url.host_str().filter(|host| !host.is_empty())?.to_owned(),
            tls: url.scheme() == "amqps",
            user: given(url.username()),
            password: url.password().and_then(given),
            vhost: given(url.path().strip_prefix('/').unwrap_or_default()),
        })
    }
}

/// Replaces `%2f` and the like.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::AmqpUrl;

    #[test]
    fn the_parts_of_a_url_are_read_and_decoded() {
        let url = AmqpUrl::parse("amqp://ann:p%40ss@broker:5673/%2fping?heartbeat=20").unwrap();
        assert_eq!((url.host.as_str(), url.tls), ("broker", false));
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("ann"), Some("p@ss")));
        assert_eq!(url.vhost.as_deref(), Some("/ping"));
        let bare = AmqpUrl::parse("amqps://[::1]/").unwrap();
        assert_eq!((bare.host.as_str(), bare.tls, bare.user, bare.vhost), ("[::1]", true, None, None));
        for other in ["http://h", "amqp://", "broker:5672", ""] {
            assert_eq!(AmqpUrl::parse(other), None, "{other}");
        }
    }
}
