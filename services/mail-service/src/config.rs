//! Everything that can be set, from the environment or the command line; `--help` is the reference. Parsed and
//! checked before anything connects.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use amqp::BrokerArgs;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use lettre::transport::smtp::{authentication::Credentials, extension::ClientId};
use ping_contract::hello_name::{HelloName, HelloNameError};
use secrecy::{ExposeSecret as _, SecretString};
use service_kit::{
    backoff::Backoff,
    config::{duration, from_secret},
    telemetry::LogFormat,
};
use traces::TraceArgs;

use crate::{
    message::{BadSender, MessageWriter},
    open_keys::OpenKeysError,
    smtp::{
        PoolLimits, Relay,
        phase::Deadlines,
        sink::SinkAddress,
        tls::{Security, TlsError, TlsMode},
    },
};

mod mail;
mod redis;
mod templates_command;

pub use mail::{BrandFileError, ConfiguredWords, MailArgs, Style, template_files};
pub use redis::OptionalRedisArgs;
pub use templates_command::{Form, Preview, TemplatesCommand, TemplatesTask};

/// Where `EMAIL_USER` alone sends, as users of the original service expect.
const DEFAULT_HOST: &str = "smtp.gmail.com";

/// The domain of that server's accounts.
const GMAIL_DOMAIN: &str = "gmail.com";

/// What the program is asked to do.
#[derive(Debug, Clone)]
pub enum Task {
    /// Serve, which is what it does without a subcommand.
    Serve(Box<Config>),
    /// `test-mail`.
    TestMail(Box<TestMail>),
    /// `templates`.
    Templates(TemplatesTask),
}

impl Task {
    /// From the command line and the environment; says what is wrong with them and ends the process.
    #[must_use]
    pub fn parse() -> Self {
        let command = service_kit::config::empty_is_unset(Self::command());
        Self::from_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }

    /// The settings of serving are not asked for where another task is named.
    fn command() -> clap::Command {
        let command = Config::command().subcommand(TestMail::command()).subcommand(TemplatesTask::command());
        command.subcommand_negates_reqs(true)
    }

    fn from_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some(("templates", matches)) => TemplatesTask::from_arg_matches(matches).map(Self::Templates),
            Some((_, matches)) => {
                TestMail::from_arg_matches(matches).map(|task| Self::TestMail(Box::new(task)))
            }
            None => Config::from_arg_matches(matches).map(|config| Self::Serve(Box::new(config))),
        }
    }
}

/// Sends one test mail and says how the mail server took it
#[derive(Debug, Clone, Parser)]
#[command(name = "test-mail", version)]
pub struct TestMail {
    /// Who gets it
    #[arg(long, env = "TEST_MAIL_RECIPIENT")]
    pub recipient: String,
    /// File that the result is written to, one line: by default what Kubernetes reads as a container's last words
    #[arg(long, env = "TEST_MAIL_REPORT", default_value = "/dev/termination-log")]
    pub report: PathBuf,
    /// The mail server
    #[command(flatten)]
    pub smtp: SmtpArgs,
    /// How log lines look: auto, json or compact
    #[arg(long, env = "LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
    /// What is logged, a `tracing` directive list
    #[arg(long, env = "LOG_FILTER", default_value = "info")]
    pub log_filter: String,
}

/// Consumes mail events and delivers them by SMTP.
#[derive(Debug, Clone, Parser)]
#[command(name = "mail-service", version)]
pub struct Config {
    /// Address that the management port listens on
    #[arg(long, env = "BIND_ADDRESS", default_value = "0.0.0.0")]
    pub bind_address: IpAddr,
    /// Port of /livez, /readyz and /metrics; PORT if this is not set
    #[arg(long, env = "MANAGEMENT_PORT")]
    pub management_port: Option<u16>,
    /// The original service's only port: the management port where `MANAGEMENT_PORT` is not set
    #[arg(long, env = "PORT", default_value_t = 5002)]
    pub port: u16,
    /// Redis
    #[command(flatten)]
    pub redis: OptionalRedisArgs,
    /// `RabbitMQ`
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// The mail server
    #[command(flatten)]
    pub smtp: SmtpArgs,
    /// Mails that carry a code
    #[command(flatten)]
    pub mail: MailArgs,
    /// Traces
    #[command(flatten)]
    pub traces: TraceArgs,
    /// Where mails of synthetic sign-ins go instead of to the mail server, such as `sink.example.org:2525`: those to addresses at
    /// ping-probe.invalid. The operator sets it
    #[arg(long, env = "SYNTHETIC_SINK")]
    pub synthetic_sink: Option<SinkAddress>,
    /// How many mails are in work at the same time
    #[arg(long, env = "MAIL_CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub mail_concurrency: u16,
    /// Domains without a dot, such as localhost, that events of other publishers may be mailed to, separated by commas
    #[arg(long, env = "MAIL_LOCAL_DOMAINS", value_delimiter = ',', value_parser = local_domain)]
    pub mail_local_domains: Vec<String>,
    /// Life of a code, in seconds: that of an event of ours that does not say when it expires
    #[arg(long, env = "CODE_TTL_SECONDS", default_value_t = ping_contract::keys::CODE_TTL_SECONDS)]
    pub code_ttl_seconds: u64,
    /// After trouble with the mail server or Redis: first wait before looking again, such as 500ms
    #[arg(long, env = "MAIL_PROBE_FIRST", default_value = "1s", value_parser = duration)]
    pub probe_first: Duration,
    /// The longest such wait, reached by doubling
    #[arg(long, env = "MAIL_PROBE_MAX", default_value = "30s", value_parser = duration)]
    pub probe_max: Duration,
    /// How long mails in work may take to finish after SIGTERM
    #[arg(long, env = "SHUTDOWN_GRACE", default_value = "25s", value_parser = duration)]
    pub shutdown_grace: Duration,
    /// How log lines look: auto, json or compact
    #[arg(long, env = "LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
    /// What is logged, a `tracing` directive list
    #[arg(long, env = "LOG_FILTER", default_value = "info")]
    pub log_filter: String,
}

/// The mail server.
#[derive(Debug, Clone, clap::Args)]
pub struct SmtpArgs {
    /// Mail server; without it, and with `EMAIL_USER`, smtp.gmail.com over implicit TLS
    #[arg(long, env = "SMTP_HOST")]
    pub smtp_host: Option<String>,
    /// Its port; 465 for implicit TLS, 587 for STARTTLS, 25 without encryption
    #[arg(long, env = "SMTP_PORT")]
    pub smtp_port: Option<u16>,
    /// Encryption; implicit on port 465, else starttls. Plain text must be asked for by name
    #[arg(long, env = "SMTP_TLS")]
    pub smtp_tls: Option<TlsMode>,
    /// PEM file with the CA of its certificate; without it the public ones are trusted
    #[arg(long, env = "SMTP_CA_FILE")]
    pub smtp_ca_file: Option<PathBuf>,
    /// What EHLO says: a domain name, or an address in brackets such as `[192.0.2.1]`; the domain of the sender if it is not set
    #[arg(long, env = "SMTP_HELLO_NAME")]
    pub smtp_hello_name: Option<String>,
    /// User of the mail server; also the sender where `MAIL_FROM` is not set
    #[arg(long, env = "EMAIL_USER", value_parser = from_secret::<String>)]
    pub email_user: Option<String>,
    /// Password of the mail server
    #[arg(long, env = "EMAIL_PASSWORD", hide_env_values = true, value_parser = from_secret::<SecretString>)]
    pub email_password: Option<SecretString>,
    /// Sender, such as `Ping <no-reply@example.org>`
    #[arg(long, env = "MAIL_FROM")]
    pub mail_from: Option<String>,
    /// How long a connection may take, name lookup included
    #[arg(long, env = "SMTP_CONNECT_TIMEOUT", default_value = "10s", value_parser = duration)]
    pub smtp_connect_timeout: Duration,
    /// How long each reply up to DATA's may take
    #[arg(long, env = "SMTP_COMMAND_TIMEOUT", default_value = "20s", value_parser = duration)]
    pub smtp_command_timeout: Duration,
    /// How long the reply to the message itself may take
    #[arg(long, env = "SMTP_ACCEPT_TIMEOUT", default_value = "45s", value_parser = duration)]
    pub smtp_accept_timeout: Duration,
    /// How long one mail may take as a whole
    #[arg(long, env = "SMTP_TOTAL_TIMEOUT", default_value = "90s", value_parser = duration)]
    pub smtp_total_timeout: Duration,
    /// Mails over one connection
    #[arg(long, env = "SMTP_MAILS_PER_CONNECTION", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub smtp_mails_per_connection: u32,
    /// Life of one connection
    #[arg(long, env = "SMTP_CONNECTION_LIFE", default_value = "5m", value_parser = duration)]
    pub smtp_connection_life: Duration,
    /// How long a connection waits for a mail before it is closed
    #[arg(long, env = "SMTP_CONNECTION_IDLE", default_value = "30s", value_parser = duration)]
    pub smtp_connection_idle: Duration,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a host nor a user.
    #[error("no mail server: set SMTP_HOST, or EMAIL_USER and EMAIL_PASSWORD for {DEFAULT_HOST}")]
    NoMailServer,
    /// Only half of a login.
    #[error("set both EMAIL_USER and EMAIL_PASSWORD, or neither")]
    HalfALogin,
    #[error("no sender: set MAIL_FROM, such as `Ping <no-reply@example.org>`")]
    NoSender,
    /// A user that is no address, and so no sender.
    #[error(
        "EMAIL_USER is not an address, so it cannot be the sender: set MAIL_FROM, such as `Ping <no-reply@example.org>`"
    )]
    UserIsNoSender,
    /// A sender that is no mailbox.
    #[error("MAIL_FROM cannot be used")]
    Sender(#[source] BadSender),
    /// A name that mail servers do not take in EHLO.
    #[error("SMTP_HELLO_NAME cannot be used: set a domain name such as mail.example.org, or leave it out")]
    HelloName(#[source] HelloNameError),
    #[error(transparent)]
    Redis(#[from] redis_client::ConfigError),
    #[error("the settings of RabbitMQ cannot be used")]
    Broker(#[source] amqp::ConfigError),
    #[error("MAIL_OPEN_KEYS_DIR cannot be used")]
    OpenKeys(#[source] OpenKeysError),
    #[error("branded mails cannot be made")]
    Brand(#[source] BrandFileError),
    #[error("the TLS settings of the mail server cannot be used")]
    Tls(#[source] TlsError),
}

impl Config {
    /// Where the management server listens.
    #[must_use]
    pub fn management_address(&self) -> SocketAddr {
        SocketAddr::new(self.bind_address, self.management_port.unwrap_or(self.port))
    }

    /// The broker, under this service's name.
    pub fn broker(&self) -> Result<amqp::BrokerConfig, Error> {
        self.broker.config("mail-service").map_err(Error::Broker)
    }

    /// The life of an event of ours that does not say when it expires.
    #[must_use]
    pub fn code_life(&self) -> Duration {
        Duration::from_secs(self.code_ttl_seconds)
    }

    /// The time between two probes of a paused consumer, or of a mail server that cannot be used.
    #[must_use]
    pub fn probing(&self) -> Backoff {
        Backoff::new(self.probe_first, self.probe_max)
    }

    /// The limits of the connections to the mail server: one for each mail in work.
    #[must_use]
    pub fn limits(&self) -> PoolLimits {
        PoolLimits {
            sessions: usize::from(self.mail_concurrency),
            mails: self.smtp.smtp_mails_per_connection,
            life: self.smtp.smtp_connection_life,
            idle: self.smtp.smtp_connection_idle,
        }
    }
}

impl SmtpArgs {
    /// Writes mails of the configured sender.
    pub fn writer(&self) -> Result<MessageWriter, Error> {
        if let Some(from) = &self.mail_from {
            return MessageWriter::new(from).map_err(Error::Sender);
        }
        let user = self.email_user.as_deref().ok_or(Error::NoSender)?.trim();
        // Gmail takes the name of an account without its domain.
        let is_gmail = self.smtp_host.as_deref().is_none_or(|host| host.eq_ignore_ascii_case(DEFAULT_HOST));
        let from =
            if is_gmail && !user.contains('@') { format!("{user}@{GMAIL_DOMAIN}") } else { user.to_owned() };
        MessageWriter::new(&from).map_err(|_| Error::UserIsNoSender)
    }

    /// The mail server and how to talk to it.
    pub fn relay(&self) -> Result<Relay, Error> {
        let credentials = match (&self.email_user, &self.email_password) {
            (Some(user), Some(password)) => {
                Some(Credentials::new(user.clone(), password.expose_secret().to_owned()))
            }
            (None, None) => None,
            _ => return Err(Error::HalfALogin),
        };
        let (host, port, mode) = self.server(credentials.is_some())?;
        if mode == TlsMode::None && credentials.is_some() {
            tracing::warn!("SMTP_TLS=none sends EMAIL_PASSWORD in the clear");
        }
        Ok(Relay {
            security: Security::new(mode, self.smtp_ca_file.as_deref()).map_err(Error::Tls)?,
            hello: self.hello()?,
            deadlines: Deadlines {
                connect: self.smtp_connect_timeout,
                command: self.smtp_command_timeout,
                accept: self.smtp_accept_timeout,
                total: self.smtp_total_timeout,
            },
            host,
            port,
            credentials,
        })
    }

    fn hello(&self) -> Result<ClientId, Error> {
        let Some(name) = &self.smtp_hello_name else {
            return Ok(ClientId::Domain(self.writer()?.domain().to_owned()));
        };
        Ok(match name.parse::<HelloName>().map_err(Error::HelloName)? {
            HelloName::Domain(domain) => ClientId::Domain(domain),
            HelloName::Ipv4(address) => ClientId::Ipv4(address),
            HelloName::Ipv6(address) => ClientId::Ipv6(address),
        })
    }

    /// Host, port and encryption, with what is not set filled in from what is.
    fn server(&self, has_login: bool) -> Result<(String, u16, TlsMode), Error> {
        let (host, mode) = match (&self.smtp_host, has_login) {
            // An IPv6 address, which URLs have in brackets and nothing else does.
            (Some(host), _) => (host.trim_matches(['[', ']']).to_owned(), self.smtp_tls),
            (None, true) => (DEFAULT_HOST.to_owned(), self.smtp_tls.or(Some(TlsMode::Implicit))),
            (None, false) => return Err(Error::NoMailServer),
        };
        let default = if self.smtp_port == Some(465) { TlsMode::Implicit } else { TlsMode::StartTls };
        let mode = mode.unwrap_or(default);
        let port = self.smtp_port.unwrap_or(match mode {
            TlsMode::Implicit => 465,
            TlsMode::StartTls => 587,
            TlsMode::None => 25,
        });
        Ok((host, port, mode))
    }
}

/// One label of letters, digits and hyphens.
fn local_domain(text: &str) -> Result<String, &'static str> {
    let domain = text.trim().to_ascii_lowercase();
    if domain.is_empty() || !domain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err("use domains without a dot, such as localhost, separated by commas");
    }
    Ok(domain)
}

#[cfg(test)]
mod tests;
