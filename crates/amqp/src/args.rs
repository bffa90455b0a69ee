//! The broker's part of a service's configuration, the same in every service: `#[command(flatten)]` it.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use service_kit::config::from_secret;

use crate::config::{BrokerConfig, ConfigError, DEFAULT_HEARTBEAT, TlsConfig, unbracketed};

/// Where the broker is. The names are those that the original services read.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "RabbitMQ")]
pub struct BrokerArgs {
    /// The whole address, `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS. Wins over all of the others
    /// but the CA file, and the vhost where the address names none.
    #[arg(long, env = "RABBITMQ_URL", hide_env_values = true, value_parser = from_secret::<SecretString>, value_name = "URL")]
    pub rabbitmq_url: Option<SecretString>,

    /// Name or address of the broker.
    #[arg(long, env = "RABBITMQ_HOST", default_value = "localhost", value_name = "HOST")]
    pub rabbitmq_host: String,

    /// Its port; 5671 where TLS is on and none is given.
    #[arg(
        long,
        env = "RABBITMQ_PORT",
        value_name = "PORT",
        help = "Its port [default: 5672, with TLS 5671]"
    )]
    pub rabbitmq_port: Option<u16>,

    /// The broker user.
    #[arg(long, env = "RABBITMQ_USER", value_parser = from_secret::<String>, value_name = "USER")]
    pub rabbitmq_user: Option<String>,

    /// Its password.
    #[arg(long, env = "RABBITMQ_PASSWORD", hide_env_values = true, value_parser = from_secret::<SecretString>, value_name = "PASSWORD")]
    pub rabbitmq_password: Option<SecretString>,

    /// The vhost that holds Ping's queues.
    #[arg(
        long,
        env = "RABBITMQ_VHOST",
        value_name = "VHOST",
        value_parser = service_kit::config::vhost,
        help = "The vhost that holds Ping's queues [default: that of the URL, or /]"
    )]
    pub rabbitmq_vhost: Option<String>,

    /// Whether to speak TLS.
    #[arg(
        long,
        env = "RABBITMQ_TLS",
        default_value_t = false,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        value_name = "BOOL"
    )]
    pub rabbitmq_tls: bool,

    /// PEM file of the CA that signed the broker's certificate; without it the public CAs are trusted.
    #[arg(long, env = "RABBITMQ_CA_FILE", value_name = "FILE")]
    pub rabbitmq_ca_file: Option<PathBuf>,
}

impl BrokerArgs {
    /// The configuration, with the CA file read. An empty variable counts as one that is not set.
    pub fn config(&self, connection_name: &str) -> Result<BrokerConfig, ConfigError> {
        let ca_file = self.rabbitmq_ca_file.as_deref().filter(|path| !path.as_os_str().is_empty());
        if let Some(url) = given(self.rabbitmq_url.as_ref()) {
            let broker = BrokerConfig::from_url_with_ca(url, ca_file)?.named(connection_name);
            return broker.on_vhost(self.vhost(), url);
        }
        let user = self.rabbitmq_user.clone().filter(|user| !user.is_empty());
        let password = given(self.rabbitmq_password.as_ref());
        let (Some(user), Some(password)) = (user, password) else { return Err(ConfigError::Credentials) };
        Ok(BrokerConfig {
            host: unbracketed(&self.rabbitmq_host).to_owned(),
            port: self.rabbitmq_port.unwrap_or(if self.rabbitmq_tls { 5671 } else { 5672 }),
            vhost: self.vhost().unwrap_or("/").to_owned(),
            user,
            password: password.into(),
            tls: self.rabbitmq_tls.then(|| TlsConfig::new(ca_file)).transpose()?,
            heartbeat: DEFAULT_HEARTBEAT,
            connection_name: connection_name.to_owned(),
        })
    }

    fn vhost(&self) -> Option<&str> {
        self.rabbitmq_vhost.as_deref().filter(|vhost| !vhost.is_empty())
    }
}

fn given(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _, Parser, builder::Resettable};

    use super::BrokerArgs;
    use crate::config::{BrokerConfig, ConfigError};

    #[derive(Parser)]
    struct Service {
        #[command(flatten)]
        broker: BrokerArgs,
    }

    fn config(arguments: &[&str]) -> Result<BrokerConfig, ConfigError> {
        // Whatever the environment of the tests is.
        let command = Service::command().mut_args(|arg| arg.env(Resettable::Reset));
        let matches = command.try_get_matches_from(["service"].iter().chain(arguments)).unwrap();
        Service::from_arg_matches(&matches).unwrap().broker.config("test")
    }

    #[test]
    fn the_group_is_well_formed() {
        Service::command().debug_assert();
    }

    #[test]
    fn the_url_wins_over_everything_else() {
        let url = "--rabbitmq-url=amqp://a:b@by-url/v";
        let config =
            config(&[url, "--rabbitmq-host=by-host", "--rabbitmq-port=1", "--rabbitmq-user=c"]).unwrap();
        assert_eq!((config.host.as_str(), config.port, config.user.as_str()), ("by-url", 5672, "a"));
        assert_eq!(config.connection_name, "test");
    }

    #[test]
    fn the_vhost_beside_a_url_counts_where_the_url_names_none_and_must_not_be_another() {
        let vhost = |url: &str| {
            config(&[&format!("--rabbitmq-url={url}"), "--rabbitmq-vhost=ping"]).map(|config| config.vhost)
        };
        for url in ["amqp://a:b@h", "amqp://a:b@h/", "amqp://a:b@h/ping", "amqp://a:b@h/?heartbeat=10"] {
            assert_eq!(vhost(url).unwrap(), "ping", "{url}");
        }
        for url in ["amqp://a:b@h/%2f", "amqp://a:b@h/other"] {
            assert!(matches!(vhost(url), Err(ConfigError::TwoVhosts)), "{url}");
        }
        for slash in ["/", "%2f", "%2F", ""] {
            let argument = format!("--rabbitmq-vhost={slash}");
            for url in ["amqp://a:b@h", "amqp://a:b@h/", "amqp://a:b@h/%2f", "amqp://a:b@h/%2F?heartbeat=5"] {
                let config = config(&[&format!("--rabbitmq-url={url}"), &argument]).unwrap();
                assert_eq!(config.vhost, "/", "{url} {slash}");
            }
            let parts = config(&["--rabbitmq-user=a", "--rabbitmq-password=b", &argument]).unwrap();
            assert_eq!(parts.vhost, "/", "{slash}");
        }
        let nested = config(&["--rabbitmq-url=amqp://a:b@h", "--rabbitmq-vhost=%2fping"]).unwrap();
        assert_eq!(nested.vhost, "/ping");
        let url = config(&["--rabbitmq-url=amqp://a:b@h/other", "--rabbitmq-vhost="]).unwrap();
        assert_eq!(url.vhost, "other");
    }

    #[test]
    fn a_line_break_at_the_end_of_a_credential_is_left_out() {
        use secrecy::ExposeSecret as _;
        for end in ["\n", "\r\n"] {
            let user = format!("--rabbitmq-user=a{end}");
            let config = config(&[&user, &format!("--rabbitmq-password= b {end}")]).unwrap();
            assert_eq!((config.user.as_str(), config.password.expose_secret()), ("a", " b "));
            let url = self::config(&[&format!("--rabbitmq-url=amqp://a:b@by-url/v{end}")]).unwrap();
            assert_eq!(url.vhost, "v");
        }
    }

    #[test]
    fn parts_make_a_configuration_and_tls_moves_the_port() {
        let plain = config(&["--rabbitmq-user=a", "--rabbitmq-password=b"]).unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.vhost.as_str()), ("localhost", 5672, "/"));
        let tls = config(&["--rabbitmq-user=a", "--rabbitmq-password=b", "--rabbitmq-tls"]).unwrap();
        assert_eq!((tls.port, tls.tls.is_some()), (5671, true));
    }

    #[test]
    fn a_host_that_is_an_ipv6_address_may_stand_in_brackets() {
        for host in ["--rabbitmq-host=::1", "--rabbitmq-host=[::1]"] {
            let config = config(&["--rabbitmq-user=a", "--rabbitmq-password=b", host]).unwrap();
            assert_eq!(config.host, "::1");
        }
    }

    #[test]
    fn without_credentials_there_is_no_configuration() {
        for arguments in [&[][..], &["--rabbitmq-user=a"], &["--rabbitmq-user=", "--rabbitmq-password="]] {
            assert!(matches!(config(arguments), Err(ConfigError::Credentials)), "{arguments:?}");
        }
    }
}
