//! Consumes mail events from `RabbitMQ` and delivers them by SMTP.
//!
//! In reading order:
//! - [`config`]: the settings.
//! - [`queue`]: where messages come from and go to.
//! - [`delivery`]: what happens to each message.
//! - [`event`]: what a message asks for; [`open_keys`] open what is sealed. [`words`]: what the mail says.
//! - [`message`]: the mail's bytes. [`smtp`]: how it is handed over.
//! - [`test_mail`]: one mail by hand, through the same SMTP. [`templates`]: checks and shows what mails say.

pub mod config;
pub mod delivery;
pub mod event;
pub mod message;
pub mod open_keys;
pub mod queue;
pub mod smtp;
pub mod templates;
pub mod test_mail;
pub mod words;

use std::net::SocketAddr;

use amqp::{ConsumerOptions, Publisher, PublisherOptions};
use ping_contract::topology::{MAIL_QUEUE, RETRY_EXCHANGE};
use redis_client::{Probe, RedisConnection, RedisServer, Supervision};
use service_kit::{backoff::pause, health::Health, management, metrics::Metrics, shutdown::Shutdown};
use tokio::net::TcpListener;

use crate::{
    config::Config,
    delivery::{
        consumer::{Consumer, Settings},
        handler::Handler,
        metrics::MailMetrics,
        sent::{OptionalSentLog, RedisSentLog},
        settle::Settler,
    },
    event::EventReader,
    smtp::{
        Pool,
        sender_refusal::SenderReports,
        sink::Routed,
        status::{self, Reported, SmtpStatus, TryOut},
    },
};

/// How many retries and notes may be under way at the broker at once; mail itself needs none.
const PUBLISHING_CHANNELS: usize = 8;

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration cannot be used")]
    Config(#[source] config::Error),
    #[error("{address} cannot be listened on: set MANAGEMENT_PORT to a free port, or BIND_ADDRESS")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
}

/// Starts all tasks on `shutdown` and returns; [`Shutdown::finish`] waits for them. The configuration is checked as a
/// whole before anything connects. The process is ready once it has reached `RabbitMQ` and Redis, and stays ready when
/// one of them or the mail server goes away.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), Error> {
    let broker = config.broker().map_err(Error::Config)?;
    let redis = config.redis.client().map_err(|error| Error::Config(error.into()))?;
    let writer = config.smtp.writer().map_err(Error::Config)?;
    let keys = config.mail.open_keys().map_err(Error::Config)?;
    let words = config.mail.words().map_err(Error::Config)?;
    let pool = Pool::new(config.smtp.relay().map_err(Error::Config)?, config.limits());
    let address = config.management_address();
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;

    let health = Health::new();
    let metrics = Metrics::new("mail-service", env!("CARGO_PKG_VERSION"));
    let mail_metrics = MailMetrics::register(&metrics);
    mail_metrics.code_lives(config.code_life());
    if words.without_own_files {
        mail_metrics.fell_back();
    }
    if let Some(folder) = config.mail.open_keys_dir.clone() {
        shutdown.spawn_critical("keys of mail events", keys.clone().follow(folder, shutdown.clone()));
    }
    shutdown
        .spawn_critical("management", management::serve(listener, health.clone(), metrics, shutdown.clone()));

    let options = PublisherOptions { channels: PUBLISHING_CHANNELS, ..PublisherOptions::new(RETRY_EXCHANGE) };
    let outbox = Publisher::start(broker.clone().named("mail-service retries"), options, &shutdown);
    let options = ConsumerOptions { queue: MAIL_QUEUE.to_owned(), prefetch: config.mail_concurrency };
    let source = amqp::Consumer::start(broker, options, &shutdown);
    source.report_to(health.require("rabbitmq"), &shutdown);
    let sent = sent_log(redis, &health, &shutdown);
    // Not required: a mail server that is away must neither stop a rollout nor restart a pod.
    let status = SmtpStatus::new(health.observe("smtp"), health.moment("lastDelivery"));
    let try_out = TryOut { pool: pool.clone(), sender: writer.sender().to_owned(), status: status.clone() };
    shutdown.spawn("mail server status", status::watch(try_out, config.probing(), shutdown.clone()));
    shutdown.spawn("idle connections", close_idle(pool.clone(), shutdown.clone()));

    let sink = config.synthetic_sink.as_ref().map(|sink| sink.pool(writer.domain()));
    let handler = Handler {
        sent,
        mailer: Routed { relay: Reported { mailer: pool, status }, sink },
        writer,
        code_life: config.code_life(),
        reader: EventReader { local_domains: config.mail_local_domains.clone(), keys },
        words: words.words,
        metrics: mail_metrics.clone(),
        sender_reports: SenderReports::default(),
    };
    let settler = Settler { outbox, metrics: mail_metrics, shutdown: shutdown.clone() };
    let settings = Settings { concurrency: usize::from(config.mail_concurrency), probing: config.probing() };
    shutdown.spawn_critical("consumer", Consumer::new(source, handler, settler, settings).run());
    Ok(())
}

/// The log in Redis where there is one, without which the service does what the original did.
fn sent_log(redis: Option<RedisServer>, health: &Health, shutdown: &Shutdown) -> OptionalSentLog {
    let Some(client) = redis else {
        tracing::warn!(
            "REDIS_URL is not set: a mail may go out twice after a crash, and the clock of this machine decides what has expired"
        );
        return OptionalSentLog::LocalClock;
    };
    let supervision =
        Supervision { probe: Probe::Time, health: health.require("redis"), on_connect: Box::new(|| ()) };
    OptionalSentLog::Redis(RedisSentLog::new(RedisConnection::start(client, supervision, shutdown)))
}

/// Looks twice in an idle time, and says goodbye to the mail server at the end.
async fn close_idle(pool: Pool, shutdown: Shutdown) {
    while pause(pool.idle_limit() / 2, &shutdown).await.is_ok() {
        pool.close_idle().await;
    }
    pool.close().await;
}
