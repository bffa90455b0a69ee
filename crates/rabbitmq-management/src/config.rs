//! The configuration of `ping-topology`, and the only reader of its environment.

use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _};
use ping_contract::{
    topology::Desired,
    users::{Role, User},
};
use rabbitmq_management::ManagementConfig;
use secrecy::{ExposeSecret as _, SecretString};

use self::amqp_url::AmqpUrl;

mod amqp_url;

/// Creates and mends Ping's exchanges, queues, bindings and policies on a `RabbitMQ` broker, and on request its users.
///
/// Writes only what differs and never deletes anything. Exit code 0: all is as it must be. 1: something is left that
/// only you can resolve, and it says what. 2: wrong usage.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "ping-topology", version)]
pub(crate) struct Config {
    /// The broker as the services reach it, `amqp://USER:PASSWORD@HOST:PORT/VHOST`: host, user, password and vhost where
    /// these are not given.
    #[arg(long, env = "RABBITMQ_URL", hide_env_values = true, value_name = "URL", value_parser = amqp_url)]
    pub(crate) url: Option<Secret>,

    /// The management API. Unset: port 15672 of the broker's host, with amqps:// port 15671 over TLS.
    #[arg(long, env = "RABBITMQ_MANAGEMENT_URL", value_name = "URL")]
    pub(crate) management_url: Option<String>,

    /// The broker's host, where the management API's address is not given.
    #[arg(
        long,
        env = "RABBITMQ_HOST",
        value_name = "HOST",
        help = "The broker's host, where the management API's address is not given [default: that of the URL, or localhost]"
    )]
    pub(crate) host: Option<String>,

    /// A user that is tagged administrator.
    #[arg(
        long,
        env = "RABBITMQ_USER",
        value_name = "USER",
        required_unless_present = "url",
        help = "A user that is tagged administrator [default: that of the URL]"
    )]
    pub(crate) user: Option<String>,

    /// Its password.
    #[arg(
        long,
        env = "RABBITMQ_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD",
        required_unless_present = "url",
        help = "Its password [default: that of the URL]"
    )]
    pub(crate) password: Option<SecretString>,

    /// The vhost; it is created where there is none.
    #[arg(
        long,
        env = "RABBITMQ_VHOST",
        value_name = "VHOST",
        value_parser = service_kit::config::vhost,
        help = "The vhost; it is created where there is none [default: that of the URL, or /]"
    )]
    pub(crate) vhost: Option<String>,

    /// PEM file of the CA behind an https:// address.
    #[arg(long, env = "RABBITMQ_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Lets the original services use the vhost, which declare send-otp without a type: makes quorum the vhost's default
    /// queue type. Refused where other queues have their type from the default.
    #[arg(long)]
    pub(crate) for_original: bool,

    /// Only says what it would do.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) users: UserArgs,
}

/// Each password that is given makes a user of its role, `PREFIX.ROLE`, or corrects it.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Users (one for each password that is given)")]
pub(crate) struct UserArgs {
    /// What the users' names begin with.
    #[arg(long, env = "TOPOLOGY_USER_PREFIX", default_value = "ping", value_name = "PREFIX")]
    pub(crate) user_prefix: String,

    /// user-service may publish to ping.mail, and nothing else.
    #[arg(long, env = "TOPOLOGY_USER_SERVICE_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub(crate) user_service_password: Option<SecretString>,

    /// mail-service may consume send-otp and publish to ping.mail.retry.
    #[arg(long, env = "TOPOLOGY_MAIL_SERVICE_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub(crate) mail_service_password: Option<SecretString>,

    /// monitor may read queue depths.
    #[arg(long, env = "TOPOLOGY_MONITOR_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub(crate) monitor_password: Option<SecretString>,

    /// legacy is for the original services: it may declare send-otp, and publish to any queue of the vhost.
    #[arg(long, env = "TOPOLOGY_LEGACY_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub(crate) legacy_password: Option<SecretString>,
}

/// `RABBITMQ_URL`. `Debug` does not print it.
#[derive(Clone)]
pub(crate) struct Secret(AmqpUrl);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

fn amqp_url(text: &str) -> Result<Secret, &'static str> {
    AmqpUrl::parse(text).map(Secret).ok_or("write amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps://… for TLS")
}

impl Config {
    /// From the command line and the environment, in which an empty variable is an unset one.
    pub(crate) fn read() -> Self {
        let matches = service_kit::config::empty_is_unset(Self::command()).get_matches();
        Self::from_arg_matches(&matches).and_then(Self::checked).unwrap_or_else(|error| error.exit())
    }

    /// Refuses a second vhost, as the services do.
    fn checked(self) -> Result<Self, clap::Error> {
        let by_url = self.url().and_then(|url| url.vhost.as_deref());
        let given = self.vhost.as_deref().filter(|vhost| !vhost.is_empty());
        if by_url.is_some_and(|by_url| given.is_some_and(|given| given != by_url)) {
            let message = "RABBITMQ_URL and RABBITMQ_VHOST name different vhosts: remove one of the two";
            return Err(Self::command().error(clap::error::ErrorKind::ArgumentConflict, message));
        }
        Ok(self)
    }

    fn url(&self) -> Option<&AmqpUrl> {
        self.url.as_ref().map(|url| &url.0)
    }

    /// Where the management API is, and who asks: a URL without a user means the broker's `guest`, as to every client.
    pub(crate) fn management(&self) -> ManagementConfig {
        let given = self.management_url.clone().filter(|url| !url.is_empty());
        let host = self.host.as_deref().or(self.url().map(|url| url.host.as_str())).unwrap_or("localhost");
        let (scheme, port) =
            if self.url().is_some_and(|url| url.tls) { ("https", 15671) } else { ("http", 15672) };
        let password = self.password.clone().or_else(|| self.url()?.password.clone().map(Into::into));
        let guest = || "guest".to_owned();
        ManagementConfig {
            url: given.unwrap_or_else(|| format!("{scheme}://{host}:{port}")),
            user: self.user.clone().or_else(|| self.url()?.user.clone()).unwrap_or_else(guest),
            password: password.unwrap_or_else(|| guest().into()),
            ca_file: self.ca_file.clone().filter(|path| !path.as_os_str().is_empty()),
        }
    }

    pub(crate) fn desired(&self) -> Desired {
        let given = self.vhost.as_deref().filter(|vhost| !vhost.is_empty());
        let vhost = given.or_else(|| self.url()?.vhost.as_deref()).unwrap_or("/");
        let desired = Desired::new(vhost);
        let desired = if self.for_original { desired.for_original() } else { desired };
        Role::ALL.into_iter().filter_map(|role| self.users.user(role)).fold(desired, Desired::with_user)
    }
}

impl UserArgs {
    fn user(&self, role: Role) -> Option<User> {
        let password = match role {
            Role::UserService => &self.user_service_password,
            Role::MailService => &self.mail_service_password,
            Role::Monitor => &self.monitor_password,
            Role::Legacy => &self.legacy_password,
        };
        let password = password.as_ref()?.expose_secret();
        let name = format!("{}.{}", self.user_prefix, role.name());
        (!password.is_empty()).then(|| User {
            name,
            role,
            password: password.to_owned(),
            salt: rand::random(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _, builder::Resettable};
    use secrecy::ExposeSecret as _;

    use super::Config;

    fn config(arguments: &[&str]) -> Config {
        let common = ["ping-topology", "--user=a", "--password=b", "--host=broker"];
        // Whatever the environment of the tests is.
        let command = Config::command().mut_args(|arg| arg.env(Resettable::Reset));
        let matches = command.try_get_matches_from(common.iter().chain(arguments)).unwrap();
        Config::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_command_is_well_formed() {
        Config::command().debug_assert();
    }

    #[test]
    fn the_management_api_is_on_the_brokers_host_unless_it_is_given() {
        assert_eq!(config(&[]).management().url, "http://broker:15672");
        assert_eq!(config(&["--management-url="]).management().url, "http://broker:15672");
        assert_eq!(config(&["--management-url=https://m"]).management().url, "https://m");
    }

    #[test]
    fn the_url_gives_what_is_not_given_by_itself() {
        let url = |more: &[&str]| {
            let arguments = [&["ping-topology", "--url=amqp://ann:p%40ss@by-url:5673/ping"], more].concat();
            let command = Config::command().mut_args(|arg| arg.env(Resettable::Reset));
            Config::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap()
        };
        let management = url(&[]).management();
        assert_eq!((management.url.as_str(), management.user.as_str()), ("http://by-url:15672", "ann"));
        assert_eq!(management.password.expose_secret(), "p@ss");
        assert_eq!(url(&[]).desired().vhost.name, "ping");
        let other = url(&["--user=bob", "--vhost=ping", "--host=h"]).checked().unwrap();
        assert_eq!(
            (other.management().url.as_str(), other.management().user.as_str()),
            ("http://h:15672", "bob")
        );
        assert_eq!(other.desired().vhost.name, "ping");
        assert!(!format!("{other:?}").contains("p@ss"));
    }

    #[test]
    fn the_vhost_beside_a_url_counts_where_the_url_names_none_and_must_not_be_another() {
        let vhost = |url: &str, vhost: &str| {
            let arguments = ["ping-topology", "--url", url, "--vhost", vhost];
            let command = Config::command().mut_args(|arg| arg.env(Resettable::Reset));
            let config = Config::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap();
            config.checked().map(|config| config.desired().vhost.name)
        };
        for slash in ["/", "%2f", "%2F", ""] {
            for url in ["amqp://h", "amqp://h/", "amqp://h/%2f", "amqp://h/%2F?heartbeat=5"] {
                assert_eq!(vhost(url, slash).unwrap(), "/", "{url} {slash}");
            }
        }
        assert_eq!(vhost("amqp://h/", "ping").unwrap(), "ping");
        assert_eq!(vhost("amqp://h/ping", "").unwrap(), "ping");
        for url in ["amqp://h/other", "amqp://h/%2f"] {
            let error = vhost(url, "ping").unwrap_err().to_string();
            assert!(error.contains("RABBITMQ_URL and RABBITMQ_VHOST"), "{error}");
        }
    }

    #[test]
    fn a_user_is_desired_for_each_password_that_is_given() {
        assert_eq!(config(&[]).desired().users, []);
        let desired = config(&["--monitor-password=x", "--legacy-password=", "--user-prefix=p"]).desired();
        let names = desired.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names, ["p.monitor"]);
        assert_eq!(desired.permissions.len(), 1);
    }

    #[test]
    fn the_reference_in_the_docs_is_current() {
        test_kit::documents::assert_configuration("ping-topology", &Config::command());
    }
}
