//! Redis and the broker of a run: emptied between measurements, and asked what they hold.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lapin::{Channel, Connection, ConnectionProperties, options::QueuePurgeOptions};
use ping_contract::topology::{Desired, MAIL_QUEUE};
use rabbitmq_management::{Management, ManagementConfig};
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use reqwest::{Client, Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::{
    config::ServerOptions,
    meter::{self, Party},
    process::listener,
    service::{Environment, wait},
};

/// The run's own vhost.
const VHOST: &str = "ping-bench";
/// So many events, as no row has.
const MAX_LENGTH: u64 = 50_000_000;
/// How long a published event may take to the queue.
const ARRIVAL: Duration = Duration::from_secs(2);
/// Codes and mails of a run outlive every measurement.
const LIFE_SECONDS: u64 = 3600;

pub(crate) struct Servers {
    options: ServerOptions,
    redis: MultiplexedConnection,
    _connection: Connection,
    /// For publishing and purging.
    pub(crate) channel: Channel,
    parties: Vec<Party>,
}

impl Servers {
    /// Makes the vhost with the same topology that services have, its queue without bounds.
    pub(crate) async fn prepare(options: &ServerOptions) -> Result<Self> {
        let (redis, redis_port) = empty_redis(&options.redis_url).await?;
        delete_vhost(options).await?;
        let config = ManagementConfig {
            url: options.rabbitmq_management_url.clone(),
            user: options.rabbitmq_user.clone(),
            password: options.rabbitmq_password.clone(),
            ca_file: None,
        };
        let desired = Desired::new(VHOST);
        rabbitmq_management::apply(&Management::new(&config)?, &desired).await?;
        lift_bounds(options).await?;
        let connection = Connection::connect(&amqp_url(options), ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let named = [("redis", redis_port), ("rabbitmq", options.rabbitmq_port)];
        // In containers of another network they are not seen; then they count as others.
        let parties = named.into_iter().filter_map(|(name, port)| {
            let cores = if name == "redis" { 1 } else { meter::cores() };
            Some(Party { name, pid: listener(port).ok()?, cores })
        });
        Ok(Self {
            options: options.clone(),
            redis,
            _connection: connection,
            channel,
            parties: parties.collect(),
        })
    }

    /// Their processes, as far as they can be seen.
    pub(crate) fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// Where a service finds them.
    pub(crate) fn environment(&self) -> Environment {
        let ServerOptions { redis_url, rabbitmq_host, rabbitmq_port, rabbitmq_user, .. } = &self.options;
        vec![
            ("REDIS_URL", redis_url.clone()),
            ("RABBITMQ_HOST", rabbitmq_host.clone()),
            ("RABBITMQ_PORT", rabbitmq_port.to_string()),
            ("RABBITMQ_USER", rabbitmq_user.clone()),
            ("RABBITMQ_PASSWORD", self.options.rabbitmq_password.expose_secret().to_owned()),
            ("RABBITMQ_VHOST", VHOST.to_owned()),
        ]
    }

    /// Nothing in Redis, nothing in the queue.
    pub(crate) async fn empty(&self) -> Result<()> {
        let mut redis = self.redis.clone();
        redis::cmd("FLUSHDB").query_async::<()>(&mut redis).await?;
        self.take_all_events().await?;
        Ok(())
    }

    /// Empties the queue, and answers how many events it held.
    pub(crate) async fn take_all_events(&self) -> Result<u64> {
        let purged = self.channel.queue_purge(MAIL_QUEUE.into(), QueuePurgeOptions::default()).await?;
        Ok(purged.into())
    }

    /// Empties the queue until `expected` events were in it, or for two seconds: what is published without a confirm arrives
    /// after the response.
    pub(crate) async fn take_events(&self, expected: u64) -> Result<u64> {
        let end = Instant::now() + ARRIVAL;
        let mut taken = self.take_all_events().await?;
        while taken < expected && Instant::now() < end {
            wait(Duration::from_millis(20)).await;
            taken += self.take_all_events().await?;
        }
        Ok(taken)
    }

    /// Octets that Redis has in use.
    pub(crate) async fn redis_memory(&self) -> Result<u64> {
        let mut redis = self.redis.clone();
        let text: String = redis::cmd("INFO").arg("memory").query_async(&mut redis).await?;
        let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
        line.context("INFO has no used_memory")?.trim().parse().context("used_memory is no number")
    }

    /// When an event made now dies: Unix milliseconds on Redis' clock.
    pub(crate) async fn expiry_ms(&self) -> Result<i64> {
        let mut redis = self.redis.clone();
        let (seconds, _): (i64, i64) = redis::cmd("TIME").query_async(&mut redis).await?;
        Ok((seconds + i64::try_from(LIFE_SECONDS)?) * 1000)
    }

    /// Leaves nothing behind.
    pub(crate) async fn finish(&self) -> Result<()> {
        self.empty().await?;
        delete_vhost(&self.options).await
    }
}

/// A connection to a database without a key, and the server's port.
async fn empty_redis(url: &str) -> Result<(MultiplexedConnection, u16)> {
    let client = redis::Client::open(url).context("REDIS_URL is no URL of Redis")?;
    let port = match client.get_connection_info().addr() {
        redis::ConnectionAddr::Tcp(_, port) => *port,
        _ => 0,
    };
    // Emptying a database of millions of keys takes seconds.
    let patient = AsyncConnectionConfig::new().set_response_timeout(None);
    let redis = client.get_multiplexed_async_connection_with_config(&patient).await;
    let mut redis = redis.context("Redis cannot be reached")?;
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut redis).await?;
    ensure!(keys == 0, "the Redis database is not empty, and would be emptied: name another in REDIS_URL");
    Ok((redis, port))
}

fn amqp_url(options: &ServerOptions) -> String {
    let ServerOptions { rabbitmq_host, rabbitmq_port, rabbitmq_user, rabbitmq_password, .. } = options;
    let password = rabbitmq_password.expose_secret();
    format!("amqp://{rabbitmq_user}:{password}@{rabbitmq_host}:{rabbitmq_port}/{VHOST}?heartbeat=30")
}

/// A policy above the topology's own: a row must not end because the queue is full, nor an event die while it waits.
async fn lift_bounds(options: &ServerOptions) -> Result<()> {
    let policy = json!({
        "pattern": format!("^{MAIL_QUEUE}$"), "apply-to": "quorum_queues", "priority": 200,
        "definition": { "max-length": MAX_LENGTH, "overflow": "reject-publish", "delivery-limit": -1 },
    });
    let answer =
        manage(options, Method::PUT, &format!("policies/{VHOST}/bench")).json(&policy).send().await?;
    answer.error_for_status().context("the broker refused the policy")?;
    Ok(())
}

async fn delete_vhost(options: &ServerOptions) -> Result<()> {
    let answer = manage(options, Method::DELETE, &format!("vhosts/{VHOST}")).send().await;
    let answer = answer.context("the broker's management API cannot be reached")?;
    if answer.status() != StatusCode::NOT_FOUND {
        answer.error_for_status().context("the broker did not delete the vhost")?;
    }
    Ok(())
}

fn manage(options: &ServerOptions, method: Method, path: &str) -> reqwest::RequestBuilder {
    let ServerOptions { rabbitmq_management_url, rabbitmq_user, rabbitmq_password, .. } = options;
    Client::new()
        .request(method, format!("{rabbitmq_management_url}/api/{path}"))
        .basic_auth(rabbitmq_user, Some(rabbitmq_password.expose_secret()))
}
