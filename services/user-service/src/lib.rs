//! Makes and checks sign-in codes over HTTP.
//!
//! In reading order:
//! - [`config`]: everything that can be set.
//! - [`routes`]: the route table; each endpoint is one file below it.
//! - [`app`]: what handlers work with.
//! - [`problem`], [`request_body`], [`client_ip`]: errors, bodies, and who is asking.
//! - [`codes`], [`peppers`], [`limits`], [`login_limit`]: the rules of sign-in, without I/O.
//! - [`store`]: codes and limits in Redis, as Lua scripts.
//! - [`publisher`]: handing the mail over. [`accounts`], [`tokens`]: what a verified code is worth.
//! - [`metrics`], [`log_limit`]: what is told about it.
//!
//! Nothing here answers "ok" on a guess: without Redis or the broker it is 503, never "allow".

pub mod accounts;
pub mod app;
pub mod client_ip;
pub mod codes;
pub mod config;
pub mod limits;
pub mod log_limit;
pub mod login_limit;
pub mod metrics;
pub mod peppers;
pub mod problem;
pub mod publisher;
pub mod request_body;
pub mod routes;
pub mod sessions;
pub mod store;
pub mod tokens;

use std::{net::SocketAddr, sync::Arc};

use broker::{Publisher, PublisherOptions, State};
use config::{Config, ConfigError};
use ping_contract::topology::MAIL_EXCHANGE;
use secrecy::ExposeSecret as _;
use service_kit::{
    health::{Health, HealthCheck},
    http::{ServeOptions, serve},
    management,
    metrics::Metrics,
    shutdown::Shutdown,
};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    accounts::{Accounts, DerivedAccounts, Directory},
    app::{App, Parts},
    login_limit::LoginLimit,
    metrics::ServiceMetrics,
    peppers::Peppers,
    publisher::RabbitMq,
    routes::{Admission, RouterOptions, router},
    sessions::Sessions,
    store::{RedisConnection, Store, supervise},
    tokens::{EdDsa, KeyFolderError, KeyRing, Publication, Tokens, Watched, read_key_folder},
};

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The broker's settings.
    #[error("the configuration of the broker cannot be used")]
    Broker(#[from] broker::ConfigError),
    /// A port in use, most often.
    #[error("could not listen on {address}; is another process using the port?")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Starts everything and returns; [`Shutdown::finish`] waits for its end. Neither Redis nor the broker needs to be
/// there: requests are answered 503 until they are.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), Error> {
    config.validate()?;
    let metrics = Metrics::new("user-service", env!("CARGO_PKG_VERSION"));
    let health = Health::new();
    let app = app(&config, (&metrics, &health), &shutdown)?;
    let options = RouterOptions {
        allowed_origins: config.allowed_origins.clone(),
        admission: Admission::new(config.max_in_flight as usize, config.request_timeout),
    };
    let public = listen(SocketAddr::new(config.bind_address, config.port)).await?;
    let management = listen(SocketAddr::new(config.bind_address, config.management_port)).await?;
    tracing::info!(port = config.port, management_port = config.management_port, "listening");
    let serve_options =
        ServeOptions { max_connections: config.max_connections as usize, ..ServeOptions::default() };
    shutdown.spawn_critical("http", serve(public, router(&app, options), serve_options, shutdown.clone()));
    shutdown.spawn_critical("management", management::serve(management, health, metrics, shutdown.clone()));
    Ok(())
}

/// Puts the app together, with its connections being made in the background.
fn app(
    config: &Config,
    (metrics, health): (&Metrics, &Health),
    shutdown: &Shutdown,
) -> Result<Arc<App>, Error> {
    let counters = ServiceMetrics::new(metrics);
    let limits = Arc::new(config.limits.limits());
    let redis = RedisConnection::new();
    let watch = (health.register("redis"), counters.clone());
    shutdown
        .spawn_critical("redis", supervise(redis.clone(), config.redis_client()?, watch, shutdown.clone()));
    let publisher = publisher(config, health, shutdown)?;
    let ring = key_ring(config)?;
    let peppers = config.secrets.peppers(ring.as_ref())?;
    if let Some(file) = &config.secrets.otp_peppers_file {
        shutdown.spawn_critical("peppers", peppers::reread(peppers.clone(), file.clone(), shutdown.clone()));
    }
    let sessions = ring.is_some().then(|| Sessions::new(redis.clone()));
    Ok(App::new(Parts {
        store: Store::new(redis.clone(), Arc::clone(&limits)),
        publisher: Arc::new(publisher),
        accounts: accounts(config, health, shutdown)?,
        tokens: tokens(config, ring, (redis, &peppers), shutdown)?,
        sessions,
        options: config.account_options(),
        peppers,
        limits,
        login_limit: LoginLimit::new(config.max_in_flight as usize, config.publish_timeout / 2),
        proxies: config.trusted_proxies(),
        metrics: counters,
        shutdown: shutdown.clone(),
    }))
}

/// The directory, connecting in the background; without one, ids that follow from the addresses.
fn accounts(config: &Config, health: &Health, shutdown: &Shutdown) -> Result<Arc<dyn Accounts>, ConfigError> {
    let ids = config.secrets.user_id_key().map(|key| DerivedAccounts::new(&key));
    let Some(uri) = config.accounts.mongo_uri.clone() else {
        return Ok(Arc::new(ids.ok_or(ConfigError::NoUserIdSecret)?));
    };
    let directory = Directory::new(ids);
    let connecting =
        accounts::connect(directory.clone(), uri, health.register("directory"), shutdown.clone());
    shutdown.spawn("directory", connecting);
    Ok(Arc::new(directory))
}

/// The signing keys, where tokens are `EdDSA`.
fn key_ring(config: &Config) -> Result<Option<KeyRing>, ConfigError> {
    let Some(folder) = &config.accounts.token_signing_keys_dir else { return Ok(None) };
    let files = read_key_folder(folder).map_err(ConfigError::SigningKeys)?;
    let empty = || ConfigError::SigningKeys(KeyFolderError::Empty(folder.display().to_string()));
    KeyRing::new(files, config.accounts.access_ttl()).map(Some).ok_or_else(empty)
}

/// Signs and checks tokens; keeps the keys as their folder has them.
fn tokens(
    config: &Config,
    ring: Option<KeyRing>,
    (redis, peppers): (RedisConnection, &Peppers),
    shutdown: &Shutdown,
) -> Result<Tokens, ConfigError> {
    let settings = &config.accounts;
    let (Some(ring), Some(folder)) = (ring, &settings.token_signing_keys_dir) else {
        let secret = config.secrets.jwt_secret.as_ref().ok_or(ConfigError::NoTokenKey)?;
        return Ok(Tokens::hs256(secret.expose_secret().as_bytes()));
    };
    let derived_peppers = config.secrets.peppers_are_derived().then(|| peppers.clone());
    let watched = Watched { ring: ring.clone(), derived_peppers };
    let watching = tokens::watch(watched, folder.clone(), Publication::new(redis), shutdown.clone());
    shutdown.spawn_critical("signing keys", watching);
    let names = (settings.token_issuer.clone(), settings.token_audience.clone());
    Ok(Tokens::EdDsa(EdDsa::new(ring, names, settings.access_ttl())))
}

fn publisher(config: &Config, health: &Health, shutdown: &Shutdown) -> Result<RabbitMq, Error> {
    let options = PublisherOptions {
        max_in_flight: config.max_in_flight as usize,
        confirm_timeout: config.publish_timeout,
        ..PublisherOptions::new(MAIL_EXCHANGE)
    };
    let publisher = Publisher::start(config.broker.config("user-service")?, options, shutdown);
    let (state, check) = (publisher.subscribe_state(), health.register("rabbitmq"));
    shutdown.spawn("broker health", tell_health(state, check, shutdown.clone()));
    Ok(RabbitMq::new(publisher))
}

/// Ready while publishes can be confirmed. Liveness never depends on it.
async fn tell_health(mut state: watch::Receiver<State>, check: HealthCheck, shutdown: Shutdown) {
    loop {
        match *state.borrow_and_update() {
            State::Connected => check.set_ready(),
            State::Blocked => check.set_not_ready("the broker is in alarm and takes no mail events"),
            State::Disconnected => check.set_not_ready("no connection to the broker"),
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            () = shutdown.soft().cancelled() => return,
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}
