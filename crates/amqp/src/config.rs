//! Where the broker is and who we are there.

use std::{fmt, net::Ipv6Addr, path::Path, sync::Arc, time::Duration};

use lapin::uri::{AMQPScheme, AMQPUri};
use secrecy::SecretString;
use service_kit::tls;

/// How often both sides show that they live; a peer that was silent for twice as long is gone.
pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);

/// All that is needed to connect.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// Name or address.
    pub host: String,
    /// 5672, with TLS 5671.
    pub port: u16,
    /// `/` is a name like any other.
    pub vhost: String,
    pub user: String,
    pub password: SecretString,
    /// `None`: plain TCP.
    pub tls: Option<TlsConfig>,
    /// See [`DEFAULT_HEARTBEAT`]; whole seconds.
    pub heartbeat: Duration,
    /// Shown in the management pages.
    pub connection_name: String,
}

/// Whom to trust. Verification cannot be turned off.
#[derive(Clone)]
pub struct TlsConfig(pub(crate) Arc<rustls::ClientConfig>);

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Never says what was read: it may hold a password.
    #[error(
        "the broker's URL is malformed: write amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps://… for TLS"
    )]
    Url,
    /// There are no default credentials.
    #[error("no broker credentials: set RABBITMQ_USER and RABBITMQ_PASSWORD, or RABBITMQ_URL")]
    Credentials,
    /// The URL names one vhost, and the setting another.
    #[error("RABBITMQ_URL and RABBITMQ_VHOST name different vhosts: remove one of the two")]
    TwoVhosts,
    #[error("could not prepare TLS for the broker")]
    Tls(#[source] tls::CaError),
}

impl TlsConfig {
    /// Trusts the CA certificates in `ca_file` alone, or without one the public web's.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, ConfigError> {
        tls::client_config(ca_file).map(|config| Self(Arc::new(config))).map_err(ConfigError::Tls)
    }
}

/// The host of a URL, an IPv6 address without its brackets. `None` where there is none: a password must not go to a host
/// that is not written there.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(address) = host.strip_prefix('[') {
        let (address, port) = address.split_once(']')?;
        let is_port = port.is_empty() || port.starts_with(':');
        return address.parse::<Ipv6Addr>().ok().filter(|_| is_port).map(|address| address.to_string());
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!name.is_empty() && name.bytes().all(plain)).then(|| name.to_owned())
}

/// An address in the brackets that URLs need is one without them.
pub(crate) fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConfig(…)")
    }
}

impl BrokerConfig {
    /// Reads an `amqp://` or `amqps://` URL. Without a path, and with an empty one, the vhost is `/`.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        Self::from_url_with_ca(url, None)
    }

    /// [`BrokerConfig::from_url`], with a CA file for `amqps://`.
    pub fn from_url_with_ca(url: &str, ca_file: Option<&Path>) -> Result<Self, ConfigError> {
        let host = host_of(url).ok_or(ConfigError::Url)?;
        let uri = url.parse::<AMQPUri>().map_err(|_| ConfigError::Url)?;
        let vhost = if uri.vhost.is_empty() { "/".to_owned() } else { uri.vhost };
        let heartbeat = uri.query.heartbeat.filter(|seconds| *seconds > 0);
        Ok(Self {
            // lapin's is `localhost` where it finds no name.
            host,
            port: uri.authority.port,
            vhost,
            user: uri.authority.userinfo.username,
            password: uri.authority.userinfo.password.into(),
            tls: (uri.scheme == AMQPScheme::AMQPS).then(|| TlsConfig::new(ca_file)).transpose()?,
            heartbeat: heartbeat.map_or(DEFAULT_HEARTBEAT, |seconds| Duration::from_secs(seconds.into())),
            connection_name: "ping".to_owned(),
        })
    }

    /// The same broker with the vhost that is configured beside its `url`, where the URL names none.
    pub(crate) fn on_vhost(self, configured: Option<&str>, url: &str) -> Result<Self, ConfigError> {
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
        let is_named = path.is_some_and(|path| !path.is_empty() && !path.starts_with('?'));
        match configured {
            Some(vhost) if !is_named => Ok(Self { vhost: vhost.to_owned(), ..self }),
            Some(vhost) if self.vhost != vhost => Err(ConfigError::TwoVhosts),
            _ => Ok(self),
        }
    }

    /// The same broker under another connection name.
    #[must_use]
    pub fn named(mut self, connection_name: impl Into<String>) -> Self {
        self.connection_name = connection_name.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;

    use super::{BrokerConfig, ConfigError};

    #[test]
    fn a_url_is_read_and_its_parts_are_decoded() {
        let config = BrokerConfig::from_url("amqp://ann:p%40ss@broker:5673/%2fping?heartbeat=20").unwrap();
        assert_eq!((config.host.as_str(), config.port, config.vhost.as_str()), ("broker", 5673, "/ping"));
        assert_eq!((config.user.as_str(), config.password.expose_secret()), ("ann", "p@ss"));
        assert_eq!((config.heartbeat, config.tls.is_none()), (Duration::from_secs(20), true));
    }

    #[test]
    fn a_url_without_a_path_means_the_vhost_slash() {
        for url in ["amqp://a:b@h", "amqp://a:b@h/", "amqp://a:b@h/%2f"] {
            let config = BrokerConfig::from_url(url).unwrap();
            assert_eq!((config.vhost.as_str(), config.port), ("/", 5672), "{url}");
        }
    }

    #[test]
    fn the_host_of_a_url_is_never_another_than_the_one_that_is_written() {
        for (url, host, port) in [
            ("amqp://a:b@[::1]/v", "::1", 5672),
            ("amqp://a:b@[::1]:5673", "::1", 5673),
            ("amqps://a:b@[2001:DB8::7]:5671/v?heartbeat=5", "2001:db8::7", 5671),
            ("amqp://[fd00::1]", "fd00::1", 5672),
            ("amqp://a:b@10.0.0.7:5673/v", "10.0.0.7", 5673),
            ("amqp://a:b@broker.example:5673/v", "broker.example", 5673),
            ("amqp://a:p%40ss@rabbit_1", "rabbit_1", 5672),
        ] {
            let config = BrokerConfig::from_url(url).unwrap();
            assert_eq!((config.host.as_str(), config.port), (host, port), "{url}");
        }
        for url in [
            "amqp://a:s3cret@/v",
            "amqp://a:s3cret@",
            "amqp://a:s3cret@:5672/v",
            "amqp://a:s3cret@[::1",
            "amqp://a:s3cret@[nonsense]/v",
            "amqp://a:s3cret@[fe80::1%25eth0]/v",
            "amqp://a:s3cret@::1/v",
            "amqp:a:s3cret@h",
        ] {
            let error = BrokerConfig::from_url(url).unwrap_err();
            assert!(matches!(error, ConfigError::Url) && !error.to_string().contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn amqps_means_tls_and_its_own_port() {
        let config = BrokerConfig::from_url("amqps://a:b@h").unwrap();
        assert!(config.tls.is_some());
        assert_eq!(config.port, 5671);
    }

    #[test]
    fn neither_an_error_nor_debug_shows_the_password() {
        let error = BrokerConfig::from_url("amqp//ann:s3cret@h").unwrap_err();
        assert!(matches!(error, ConfigError::Url));
        let config = BrokerConfig::from_url("amqp://ann:s3cret@h").unwrap();
        for text in [error.to_string(), format!("{error:?}"), format!("{config:?}")] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}
