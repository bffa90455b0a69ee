//! The configuration of `ping-topology`, and the only reader of its environment.

use std::{path::PathBuf, time::Duration};

use ping_contract::{
    keys::CODE_TTL_SECONDS,
    topology::Desired,
    users::{Role, User},
};
use rabbitmq_management::ManagementConfig;
use secrecy::{ExposeSecret as _, SecretString};

/// Creates and mends Ping's exchanges, queues, bindings and policies on a `RabbitMQ` broker, and on request its users.
///
/// Writes only what differs and never deletes anything. Exit code 0: all is as it must be. 1: something is left that
/// only you can resolve, and it says what. 2: wrong usage.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "ping-topology", version)]
pub(crate) struct Config {
    /// The management API. Unset: port 15672 of the broker's host.
    #[arg(long, env = "RABBITMQ_MANAGEMENT_URL", value_name = "URL")]
    pub(crate) management_url: Option<String>,

    /// The broker's host, where the management API's address is not given.
    #[arg(long, env = "RABBITMQ_HOST", default_value = "localhost", value_name = "HOST")]
    pub(crate) host: String,

    /// A user that is tagged administrator.
    #[arg(long, env = "RABBITMQ_USER", value_name = "USER")]
    pub(crate) user: String,

    /// Its password.
    #[arg(long, env = "RABBITMQ_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub(crate) password: SecretString,

    /// The vhost; it is created where there is none.
    #[arg(long, env = "RABBITMQ_VHOST", default_value = "/", value_name = "VHOST")]
    pub(crate) vhost: String,

    /// PEM file of the CA behind an https:// address.
    #[arg(long, env = "RABBITMQ_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// How long a code lives, and a mail with it: the same as the services'.
    #[arg(
        long, env = "CODE_TTL_SECONDS", default_value_t = CODE_TTL_SECONDS, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub(crate) code_ttl_seconds: u64,

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

impl Config {
    pub(crate) fn management(&self) -> ManagementConfig {
        let given = self.management_url.clone().filter(|url| !url.is_empty());
        ManagementConfig {
            url: given.unwrap_or_else(|| format!("http://{}:15672", self.host)),
            user: self.user.clone(),
            password: self.password.clone(),
            ca_file: self.ca_file.clone().filter(|path| !path.as_os_str().is_empty()),
        }
    }

    pub(crate) fn desired(&self) -> Desired {
        let desired = Desired::new(&self.vhost, Duration::from_secs(self.code_ttl_seconds));
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
