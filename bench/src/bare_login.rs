//! The limit of the login path: the same Redis script and the same confirmed publish as user-service's, from its own
//! library and its own settings, without HTTP, without drawing a code, without an answer.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use amqp::{Publisher, PublisherOptions, State};
use anyhow::{Context as _, Result, bail};
use clap::Parser as _;
use hyper::HeaderMap;
use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
    locale::Wishes,
    topology::MAIL_EXCHANGE,
};
use redis_client::{Probe, RedisConnection, Supervision};
use service_kit::{health::Health, shutdown::Shutdown};
use tokio::task::JoinSet;
use user_service::{
    codes::{IssueOutcome, IssueRequest, Issued, Store},
    config::Config,
    http::TrustedProxies,
    publisher::{MailPublisher as _, OutgoingMail, RabbitMq},
    rate_limits::ClientIp,
};

use crate::{
    child::{self, LoopReport},
    config::BareLoginOptions,
    requests,
    service::wait,
    statistics::Latency,
};

/// For both connections.
const READY_DEADLINE: Duration = Duration::from_secs(10);
/// Neither digest nor ids matter to Redis; their lengths do.
const HEX_32: &str = "0123456789abcdef0123456789abcdef";
const HEX_64: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct Loop {
    store: Store,
    publisher: RabbitMq,
    next: AtomicU64,
}

/// The child process.
pub(crate) async fn run(options: BareLoginOptions) -> Result<bool> {
    let config = Config::try_parse_from(["bare-login"])?;
    let shutdown = Shutdown::new();
    let bare = Arc::new(Loop {
        store: store(&config, &shutdown).await?,
        publisher: publisher(&config, &shutdown).await?,
        next: AtomicU64::new(options.first),
    });
    child::wait_for_go()?;
    let end = Instant::now() + Duration::from_secs(options.seconds.into());
    let mut tasks = (0..options.connections).map(|_| Arc::clone(&bare).until(end)).collect::<JoinSet<_>>();
    let mut latency = Vec::new();
    let mut failure = None;
    while let Some(ended) = tasks.join_next().await {
        let (latencies, failed) = ended?;
        latency.extend(latencies);
        failure = failure.or(failed);
    }
    let requests = latency.len() as u64;
    child::tell(&LoopReport {
        requests,
        latency_us: Latency::of(latency),
        failure: failure.map(|e| format!("{e:#}")),
    })
}

impl Loop {
    async fn until(self: Arc<Self>, end: Instant) -> (Vec<u32>, Option<anyhow::Error>) {
        let mut latency = Vec::new();
        while Instant::now() < end {
            let began = Instant::now();
            if let Err(error) = self.once(self.next.fetch_add(1, Ordering::Relaxed)).await {
                return (latency, Some(error));
            }
            latency.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        (latency, None)
    }

    async fn once(&self, n: u64) -> Result<()> {
        let address = EmailAddress::parse(&requests::address(n))?;
        let issued = issue(&self.store, &address, client(n)).await?;
        let id = EventId::from_bytes(u128::from(n).to_be_bytes());
        let body = MailEvent::sign_in_code(id.clone(), address, "123456", 5).to_json();
        let Issued { issued_at_ms, expires_at_ms, .. } = issued;
        let wishes = Wishes::default();
        let mail = OutgoingMail { id, body, issued_at_ms, expires_at_ms, wishes, trace_parent: None };
        Ok(self.publisher.publish(mail).await?)
    }
}

/// Makes one code live.
pub(crate) async fn issue(store: &Store, address: &EmailAddress, client: ClientIp) -> Result<Issued> {
    let request = IssueRequest {
        address,
        client,
        network: &client.network(),
        issue_id: HEX_32,
        digest: HEX_64,
        kid: "derived",
        challenge_hash: HEX_64,
        networks: &[HEX_32.to_owned()],
        idempotency: None,
    };
    match store.issue(request).await? {
        IssueOutcome::Issued(issued) => Ok(issued),
        other => bail!("the script did not issue a code: {other:?}"),
    }
}

/// The client with a number, as the service sees it.
pub(crate) fn client(n: u64) -> ClientIp {
    TrustedProxies::new(Vec::new()).origin(IpAddr::V4(requests::client(n)), &HeaderMap::new()).client
}

/// user-service's store, connected.
pub(crate) async fn store(config: &Config, shutdown: &Shutdown) -> Result<Store> {
    let health = Health::new();
    let check = health.require("redis");
    let supervision = Supervision { probe: Probe::Script, health: check, on_connect: Box::new(|| ()) };
    let redis = RedisConnection::start(config.redis.client()?, supervision, shutdown);
    let end = Instant::now() + READY_DEADLINE;
    while !health.not_ready().is_empty() {
        if Instant::now() > end {
            bail!("no connection to Redis: {:?}", health.not_ready());
        }
        wait(Duration::from_millis(10)).await;
    }
    Ok(Store::new(redis, Arc::new(config.limits.limits())))
}

async fn publisher(config: &Config, shutdown: &Shutdown) -> Result<RabbitMq> {
    let options = PublisherOptions {
        max_in_flight: config.max_in_flight as usize,
        confirm_timeout: config.publish_timeout,
        ..PublisherOptions::new(MAIL_EXCHANGE)
    };
    let publisher = Publisher::start(config.broker.config("bench")?, options, shutdown);
    let mut state = publisher.subscribe_state();
    let connected = state.wait_for(|state| *state == State::Connected);
    tokio::time::timeout(READY_DEADLINE, connected).await.context("no connection to the broker")??;
    Ok(RabbitMq::new(publisher))
}
