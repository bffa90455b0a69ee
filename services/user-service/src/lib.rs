//! Makes and checks sign-in codes over HTTP.
//!
//! The rooms, from top to bottom; a room never imports one above it:
//! - [`endpoints`]: the router, the state that handlers share, and one file per endpoint.
//! - [`config`]: everything that can be set.
//! - [`http`]: what endpoints share of HTTP: admission, bodies, trusted proxies, tokens and cookies, problems.
//! - [`sessions`], [`tokens`]: what a verified code is exchanged for.
//! - [`codes`]: one code's life in Redis: issue, verify, settle. [`peppers`]: the keys of its digests.
//! - [`mail_sealing`]: writing the mail event, sealed if a key is set. [`publisher`]: handing it over to the broker. [`accounts`]: who a user is.
//! - [`audit`]: what happened to sign-ins, sessions and keys, for those who look into it.
//! - [`metrics`], [`rate_limits`]: counters; policies, and clients as limits count them.
//! - [`random`]: random bytes.
//!
//! Nothing here answers "ok" on a guess: without Redis or the broker it is 503, never "allow".

pub mod accounts;
pub mod audit;
pub mod codes;
pub mod config;
pub mod endpoints;
pub mod http;
pub mod mail_sealing;
pub mod metrics;
pub mod peppers;
pub mod publisher;
pub mod random;
pub mod rate_limits;
pub mod sessions;
pub mod tokens;

use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc};

use amqp::{Publisher, PublisherOptions};
use config::{Config, ConfigError};
use ping_contract::topology::{MAIL_EXCHANGE, MAIL_QUEUE};
use redis_client::{Probe, RedisConnection, Supervision};
use secrecy::ExposeSecret as _;
use service_kit::{
    health::Health,
    http::{ServeOptions, serve},
    management,
    metrics::Metrics,
    shutdown::Shutdown,
};
use tokio::net::TcpListener;

use crate::{
    accounts::{Accounts, DerivedAccounts, Directory},
    audit::{Audit, Entry, Event, Outcome},
    codes::Store,
    endpoints::{App, LoginConcurrency, Parts, RouterOptions, api},
    http::admission::Admission,
    mail_sealing::MailSealing,
    metrics::ServiceMetrics,
    peppers::Peppers,
    publisher::RabbitMq,
    sessions::Sessions,
    tokens::{EdDsa, KeyFolderError, KeyRing, Publication, SigningKey, Tokens, Watched, read_key_folder},
};

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    #[error("the configuration of the broker cannot be used")]
    Broker(#[from] amqp::ConfigError),
    /// No thread for the audit log.
    #[error("the audit log could not be started")]
    Audit(#[source] std::io::Error),
    /// A port in use, most often.
    #[error("could not listen on {address}; is another process using the port?")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
}

/// Starts everything. [`Shutdown::finish`] waits for its end; then the audit log, which is returned, is to be flushed. No server
/// needs to be there: requests are answered 503 until it is. The process is ready once it has reached each of them, and stays
/// ready when one goes away.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<Audit, Error> {
    config.validate()?;
    let metrics = Metrics::new("user-service", env!("CARGO_PKG_VERSION"));
    let health = Health::new();
    let counters = ServiceMetrics::new(&metrics);
    let audit = audit(&config, &counters)?;
    let app =
        app(&config, Watching { metrics: counters.clone(), audit: &audit, health: &health }, &shutdown)?;
    let options = RouterOptions {
        allowed_pages: config.allowed_pages(),
        admission: Admission::new(config.max_in_flight as usize, config.request_timeout, counters),
    };
    let public = listen(SocketAddr::new(config.bind_address, config.port)).await?;
    let management = listen(SocketAddr::new(config.bind_address, config.management_port)).await?;
    tracing::info!(port = config.port, management_port = config.management_port, "listening");
    let serve_options = ServeOptions {
        max_connections: config.max_connections as usize,
        idle_timeout: config.idle_timeout,
        ..ServeOptions::default()
    };
    shutdown.spawn_critical("http", serve(public, api(&app, options), serve_options, shutdown.clone()));
    shutdown.spawn_critical("management", management::serve(management, health, metrics, shutdown.clone()));
    Ok(audit)
}

fn audit(config: &Config, metrics: &ServiceMetrics) -> Result<Audit, Error> {
    if !config.audit_log {
        return Ok(Audit::off(metrics.clone()));
    }
    Audit::start(std::io::stdout(), metrics.clone()).map_err(Error::Audit)
}

/// What others see of the service.
struct Watching<'a> {
    metrics: ServiceMetrics,
    audit: &'a Audit,
    health: &'a Health,
}

/// Puts the app together, with its connections being made in the background.
fn app(config: &Config, watching: Watching<'_>, shutdown: &Shutdown) -> Result<Arc<App>, Error> {
    let Watching { metrics, audit, health } = watching;
    let limits = Arc::new(config.limits.limits());
    let counter = metrics.clone();
    let supervision = Supervision {
        probe: Probe::Script,
        health: health.require("redis"),
        on_connect: Box::new(move || counter.redis_connected()),
    };
    let client = config.redis.client().map_err(ConfigError::Redis)?;
    let redis = RedisConnection::start(client, supervision, shutdown);
    let publisher = publisher(config, health, shutdown)?;
    let ring = key_ring(config)?;
    let peppers = config.secrets.peppers(ring.as_ref())?;
    if let Some(file) = &config.secrets.otp_peppers_file {
        shutdown.spawn_critical("peppers", reread_peppers(&peppers, file.clone(), audit, shutdown));
    }
    let lasting_peppers = config.secrets.lasting_peppers(&peppers);
    let sealing = mail_sealing(config, shutdown)?;
    let sessions = ring.is_some().then(|| Sessions::new(redis.clone(), lasting_peppers.clone()));
    Ok(App::new(Parts {
        store: Store::new(redis.clone(), Arc::clone(&limits)),
        publisher: Arc::new(publisher),
        sealing,
        accounts: accounts(config, health, shutdown)?,
        tokens: tokens(config, TokenParts { ring, redis, peppers: &peppers, audit, health }, shutdown)?,
        sessions,
        options: config.account_options(),
        peppers,
        lasting_peppers,
        limits,
        login_concurrency: LoginConcurrency::new(config.max_in_flight as usize, config.publish_timeout / 2),
        proxies: config.trusted_proxies(),
        metrics,
        audit: audit.clone(),
        shutdown: shutdown.clone(),
    }))
}

/// Follows the file of peppers.
fn reread_peppers(
    peppers: &Peppers,
    file: PathBuf,
    audit: &Audit,
    shutdown: &Shutdown,
) -> impl Future<Output = ()> + use<> {
    let audit = audit.clone();
    let on_change = move |kid: &str| record_rotation(&audit, &format!("pepper {kid}"));
    peppers::reread(peppers.clone(), file, on_change, shutdown.clone())
}

/// Seals mail events where there is a key, and follows its file.
fn mail_sealing(config: &Config, shutdown: &Shutdown) -> Result<MailSealing, ConfigError> {
    let Some(file) = &config.secrets.mail_seal_key_file else { return Ok(MailSealing::default()) };
    let sealing = MailSealing::read(file).map_err(ConfigError::SealKey)?;
    shutdown.spawn_critical("mail sealing", sealing.clone().follow(file.clone(), shutdown.clone()));
    Ok(sealing)
}

/// Other keys are in use; `detail` names the one that is used from now on.
fn record_rotation(audit: &Audit, detail: &str) {
    audit.record(&Entry::new(Event::KeyRotation, Outcome::Success).detail(detail));
}

/// The directory, connecting in the background; without one, ids that follow from the addresses.
fn accounts(config: &Config, health: &Health, shutdown: &Shutdown) -> Result<Arc<dyn Accounts>, ConfigError> {
    let ids = config.secrets.user_id_key().map(|key| DerivedAccounts::new(&key));
    let Some(settings) = config.accounts.directory() else {
        return Ok(Arc::new(ids.ok_or(ConfigError::NoUserIdSecret)?));
    };
    let directory = Directory::new(ids);
    let check = health.require("directory");
    shutdown.spawn("directory", accounts::supervise(directory.clone(), settings, check, shutdown.clone()));
    Ok(Arc::new(directory))
}

/// The signing keys, where tokens are `EdDSA`.
fn key_ring(config: &Config) -> Result<Option<KeyRing>, ConfigError> {
    let Some(folder) = &config.accounts.token_signing_keys_dir else { return Ok(None) };
    let files = read_key_folder(folder).map_err(ConfigError::SigningKeys)?;
    let empty = || ConfigError::SigningKeys(KeyFolderError::Empty(folder.display().to_string()));
    KeyRing::new(files, config.accounts.access_ttl()).map(Some).ok_or_else(empty)
}

/// What tokens are made with.
struct TokenParts<'a> {
    /// The signing keys; none where tokens are signed with `JWT_SECRET`.
    ring: Option<KeyRing>,
    redis: RedisConnection,
    peppers: &'a Peppers,
    audit: &'a Audit,
    health: &'a Health,
}

/// Signs and checks tokens; keeps the keys as their folder has them.
fn tokens(config: &Config, parts: TokenParts<'_>, shutdown: &Shutdown) -> Result<Tokens, ConfigError> {
    let TokenParts { ring, redis, peppers, audit, health } = parts;
    let settings = &config.accounts;
    let check = health.require("signing-keys");
    // Whatever signs has been read by now.
    check.set_usable();
    let (Some(ring), Some(folder)) = (ring, &settings.token_signing_keys_dir) else {
        let secret = config.secrets.jwt_secret.as_ref().ok_or(ConfigError::NoTokenKey)?;
        return Ok(Tokens::hs256(secret.expose_secret().as_bytes()));
    };
    let derived_peppers = config.secrets.peppers_are_derived().then(|| peppers.clone());
    let audit = audit.clone();
    let on_change = move |keys: &[SigningKey]| {
        if let Some(signing) = keys.first() {
            record_rotation(&audit, &format!("signing-key {}", signing.kid()));
        }
        if let Some(peppers) = &derived_peppers {
            peppers.replace_derived(keys.iter().map(SigningKey::pepper_secret));
        }
    };
    let watched = Watched { ring: ring.clone(), on_change: Box::new(on_change), check };
    let watching = tokens::watch(watched, folder.clone(), Publication::new(redis), shutdown.clone());
    shutdown.spawn_critical("signing keys", watching);
    Ok(Tokens::EdDsa(EdDsa::new(ring, settings.token_options())))
}

fn publisher(config: &Config, health: &Health, shutdown: &Shutdown) -> Result<RabbitMq, Error> {
    let options = PublisherOptions {
        max_in_flight: config.max_in_flight as usize,
        confirm_timeout: config.publish_timeout,
        message_life: Some(config.limits.limits().code_ttl),
        // Without the queue no mail event is taken: a status must not call such a broker usable.
        queues: vec![MAIL_QUEUE.to_owned()],
        ..PublisherOptions::new(MAIL_EXCHANGE)
    };
    let publisher = Publisher::start(config.broker.config("user-service")?, options, shutdown);
    publisher.report_to(health.require("rabbitmq"), shutdown);
    Ok(RabbitMq::new(publisher))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

#[cfg(test)]
mod tests {
    use ping_contract::redis_trouble::RedisTrouble;
    use test_kit::documents::assert_reasons;

    use crate::{
        accounts::DirectoryTrouble,
        tokens::{KeyFolderError, SigningKey},
    };

    #[test]
    fn the_reasons_in_the_docs_are_those_of_the_checks() {
        assert_reasons("redis", RedisTrouble::ALL.map(|trouble| (trouble.reason(), trouble.message())));
        let causes = amqp::Cause::ALL.into_iter().filter(|cause| *cause != amqp::Cause::Starting);
        assert_reasons("rabbitmq", causes.map(|cause| (cause.reason(), cause.message())));
        let directory = DirectoryTrouble::ALL.map(|trouble| (trouble.reason(), trouble.message()));
        assert_reasons("directory", directory);
        let no_key = SigningKey::parse("").unwrap_err();
        let unreadable = std::io::ErrorKind::NotFound.into();
        let errors = [
            KeyFolderError::Read { path: String::new(), source: unreadable },
            KeyFolderError::Empty(String::new()),
            KeyFolderError::Key { path: String::new(), source: no_key },
        ];
        assert_reasons("signing-keys", errors.iter().map(|error| (error.reason(), error.message())));
    }
}
