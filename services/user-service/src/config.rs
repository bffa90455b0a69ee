//! Everything that can be set, from the environment or the command line; `--help` is the reference. Parsed and
//! checked before anything connects.

use std::{net::IpAddr, time::Duration};

use amqp::BrokerArgs;
use axum::http::{HeaderName, HeaderValue};
use clap::Parser;
use ipnet::IpNet;
use redis_client::RedisArgs;
use secrecy::ExposeSecret as _;
use service_kit::{config::duration, telemetry::LogFormat};
use traces::TraceArgs;

use crate::{
    accounts::{AccountOptions, ParseUriError, parse_uri},
    http::{AllowedPages, TrustedProxies},
    mail_sealing::SealKeyError,
    peppers::PepperError,
    tokens::KeyFolderError,
};

mod accounts;
mod command;
mod limits;
mod secrets;

pub use accounts::AccountArgs;
pub use command::{DirectoryCommand, DirectoryTask, Task};
pub use limits::LimitArgs;
pub use secrets::SecretArgs;

/// Makes and checks sign-in codes over HTTP.
#[derive(Debug, Clone, Parser)]
#[command(name = "user-service", version)]
pub struct Config {
    /// Address that both ports listen on
    #[arg(long, env = "BIND_ADDRESS", default_value = "0.0.0.0")]
    pub bind_address: IpAddr,
    /// Port of /api/v1
    #[arg(long, env = "PORT", default_value_t = 5000)]
    pub port: u16,
    /// Port of /livez, /readyz and /metrics; not for the public network
    #[arg(long, env = "MANAGEMENT_PORT", default_value_t = 5001)]
    pub management_port: u16,
    /// Redis
    #[command(flatten)]
    pub redis: RedisArgs,
    /// Networks of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8,192.0.2.7/32
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose pages and apps may call, such as <https://app.example.org> or <capacitor://localhost>; none given = any
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<HeaderValue>,
    /// Headers that pages of `ALLOWED_ORIGINS` may send beside the usual ones, such as x-tenant
    #[arg(long, env = "ALLOWED_HEADERS", value_delimiter = ',', value_parser = header_name)]
    pub allowed_headers: Vec<HeaderName>,
    /// Requests in work at the same time; more are answered 503 at once
    #[arg(long, env = "MAX_IN_FLIGHT", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_in_flight: u32,
    /// Open connections; one more takes the place of one that has no request in flight, or waits
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// How long a connection may wait for its next request; longer than the load balancer in front keeps its idle connections
    #[arg(long, env = "IDLE_TIMEOUT", default_value = "75s", value_parser = duration)]
    pub idle_timeout: Duration,
    /// How long a request may take in all, such as 5s
    #[arg(long, env = "REQUEST_TIMEOUT", default_value = "5s", value_parser = duration)]
    pub request_timeout: Duration,
    /// How long the broker may take to confirm a mail event; well below `REQUEST_TIMEOUT`
    #[arg(long, env = "PUBLISH_TIMEOUT", default_value = "3s", value_parser = duration)]
    pub publish_timeout: Duration,
    /// How long requests in work may take to finish after SIGTERM
    #[arg(long, env = "SHUTDOWN_GRACE", default_value = "25s", value_parser = duration)]
    pub shutdown_grace: Duration,
    /// How log lines look: auto, json or compact
    #[arg(long, env = "LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
    /// What is logged, a `tracing` directive list
    #[arg(long, env = "LOG_FILTER", default_value = "info")]
    pub log_filter: String,
    /// Write the audit log to standard output, one JSON line an event; logs go to standard error
    #[arg(long, env = "AUDIT_LOG", default_value_t = true, action = clap::ArgAction::Set)]
    pub audit_log: bool,
    /// What tokens and codes are signed and digested with
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// Tokens and the directory of users
    #[command(flatten)]
    pub accounts: AccountArgs,
    /// Codes and limits
    #[command(flatten)]
    pub limits: LimitArgs,
    /// `RabbitMQ`
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Traces
    #[command(flatten)]
    pub traces: TraceArgs,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// HS256 with a key that can be found by trying.
    #[error(
        "JWT_SECRET has fewer than 32 octets; make one with `openssl rand -base64 48`, or set \
         ALLOW_SHORT_JWT_SECRET=true"
    )]
    ShortSecret,
    /// A code that lives too long.
    #[error(
        "CODE_TTL_SECONDS is over 600, the longest that NIST SP 800-63B allows; shorten it, or set ALLOW_LONG_CODE_TTL=true"
    )]
    LongCodeTtl,
    /// A code that may be guessed at too often.
    #[error("LOGIN_MAX_ATTEMPTS is over 10; lower it, or set ALLOW_MANY_ATTEMPTS=true")]
    ManyAttempts,
    /// Nothing to sign tokens with.
    #[error(
        "neither JWT_SECRET nor TOKEN_SIGNING_KEYS_DIR is set, so no token can be signed; set JWT_SECRET (HS256, as \
         the original's services read it) or TOKEN_SIGNING_KEYS_DIR (EdDSA, which any service can check)"
    )]
    NoTokenKey,
    #[error(
        "JWT_SECRET and TOKEN_SIGNING_KEYS_DIR are both set, but tokens have one algorithm; remove JWT_SECRET, or \
         TOKEN_SIGNING_KEYS_DIR"
    )]
    TwoTokenKeys,
    /// Ids of people would change with the signing keys.
    #[error(
        "with TOKEN_SIGNING_KEYS_DIR and without MONGO_URI, USER_ID_SECRET must be set: people's ids follow from it; \
         make one with `openssl rand -base64 48`"
    )]
    NoUserIdSecret,
    /// `TOKEN_SIGNING_KEYS_DIR`.
    #[error("TOKEN_SIGNING_KEYS_DIR cannot be used")]
    SigningKeys(#[source] KeyFolderError),
    /// `MAIL_SEAL_KEY_FILE`.
    #[error("mail events cannot be sealed")]
    SealKey(#[source] SealKeyError),
    /// A command on the directory without one.
    #[error("MONGO_URI is not set, so there is no directory of users")]
    NoDirectory,
    /// `MONGO_URI`.
    #[error("MONGO_URI cannot be used")]
    MongoUri(#[source] ParseUriError),
    /// `OTP_PEPPERS` or its file.
    #[error("OTP_PEPPERS cannot be used")]
    Peppers(#[source] PepperError),
    /// A file that cannot be read.
    #[error("{name} cannot be read")]
    File {
        /// The setting.
        name: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Redis(#[from] redis_client::ConfigError),
    /// The whole is shorter than its part.
    #[error(
        "REQUEST_TIMEOUT must be at least 1.5 s longer than PUBLISH_TIMEOUT, so that a refused mail is taken back"
    )]
    Timeouts,
}

impl Config {
    /// Checks what no single setting can tell.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_tokens()?;
        self.limits.validate()?;
        // Two Redis calls of at most half a second each, and some for the rest.
        if self.request_timeout < self.publish_timeout + Duration::from_millis(1500) {
            return Err(ConfigError::Timeouts);
        }
        Ok(())
    }

    fn validate_tokens(&self) -> Result<(), ConfigError> {
        let uri = self.accounts.mongo_uri.as_ref();
        uri.map_or(Ok(()), |uri| parse_uri(uri.expose_secret())).map_err(ConfigError::MongoUri)?;
        match (self.secrets.jwt_secret.is_some(), self.accounts.token_signing_keys_dir.is_some()) {
            (false, false) => Err(ConfigError::NoTokenKey),
            (true, true) => Err(ConfigError::TwoTokenKeys),
            (true, false) => self.secrets.validate(),
            (false, true) if uri.is_none() && self.secrets.user_id_secret.is_none() => {
                Err(ConfigError::NoUserIdSecret)
            }
            (false, true) => Ok(()),
        }
    }

    #[must_use]
    pub fn account_options(&self) -> AccountOptions {
        AccountOptions {
            directory_emails: self.accounts.directory_emails,
            cookie_domain: self.accounts.auth_cookie_domain.clone(),
            check_session: self.accounts.authz_check_session,
            require_challenge: self.accounts.require_challenge,
            list_users: self.accounts.list_users,
        }
    }

    /// Whose pages may call.
    #[must_use]
    pub fn allowed_pages(&self) -> AllowedPages {
        AllowedPages { origins: self.allowed_origins.clone(), headers: self.allowed_headers.clone() }
    }

    /// The proxies whose `X-Forwarded-For` is believed.
    #[must_use]
    pub fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies.clone())
    }
}

/// A CIDR, or a single address.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "use CIDRs such as 10.0.0.0/8 or fd00::/8, separated by commas")
}

/// `scheme://host[:port]`, as browsers send it.
fn origin(text: &str) -> Result<HeaderValue, &'static str> {
    let origin = ping_contract::origin::normalise(text.trim()).and_then(|origin| origin.try_into().ok());
    origin.ok_or("use origins such as https://app.example.org, without a path, separated by commas")
}

fn header_name(text: &str) -> Result<HeaderName, &'static str> {
    text.trim().parse().map_err(|_| "use names of headers such as x-tenant, separated by commas")
}

#[cfg(test)]
mod tests;
