//! The service in this process, with a vhost, a Redis database and a mail server of its own.

use std::time::Duration;

use amqp::{BrokerConfig, HeaderValue, Message, Publisher, PublisherOptions};
use clap::{CommandFactory as _, FromArgMatches as _, builder::Resettable};
use mail_service::config::Config;
use ping_contract::{
    address::EmailAddress,
    event::{EXPIRES_AT_HEADER, EventId, ISSUED_AT_HEADER, MailEvent},
    topology::{Desired, MAIL_EXCHANGE, MAIL_QUEUE, PARKING_QUEUE},
    topology_plan::Conflict,
};
use rabbitmq_management::{Management, ManagementConfig};
use service_kit::shutdown::{Finish, Shutdown};
use test_kit::{
    port::free_port, readyz::Readyz, servers::fresh_database, smtp::SmtpServer, vhost::Vhost, wait::wait_for,
};

/// Three times the slowest of what is waited for: a message that takes the tier of 15 s.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// The code in every event; it must appear in mails and nowhere else.
pub(crate) const CODE: &str = "482931";

pub(crate) struct Rig {
    pub(crate) vhost: Vhost,
    pub(crate) relay: SmtpServer,
    pub(crate) redis: redis::aio::MultiplexedConnection,
    publisher: Publisher,
    shutdown: Shutdown,
    management_port: u16,
}

/// What a test changes.
pub(crate) struct Setup {
    vhost: Vhost,
    relay: SmtpServer,
    redis_url: String,
    has_redis: bool,
    arguments: Vec<String>,
}

/// Everything there, nothing started.
pub(crate) async fn setup() -> Setup {
    let vhost = Vhost::create().await;
    let conflicts = apply_topology(&vhost).await;
    assert!(conflicts.is_empty(), "{conflicts:?}");
    Setup {
        vhost,
        relay: SmtpServer::start().await,
        redis_url: fresh_database().await,
        has_redis: true,
        arguments: Vec::new(),
    }
}

/// The usual.
pub(crate) async fn start() -> Rig {
    setup().await.start().await
}

/// As `ping-topology` does; returns what it could not do.
pub(crate) async fn apply_topology(vhost: &Vhost) -> Vec<Conflict> {
    let broker = vhost.broker();
    let config = ManagementConfig {
        url: broker.management_url.clone(),
        user: broker.user.clone(),
        password: broker.password.clone().into(),
        ca_file: None,
    };
    let desired = Desired::new(vhost.name());
    rabbitmq_management::apply(&Management::new(&config).unwrap(), &desired).await.unwrap().conflicts
}

impl Setup {
    /// Publishes an event before the service runs, and has the broker hand it out and take it back `times` times.
    pub(crate) async fn publish_and_return(self, id: &EventId, to: &str, times: usize) -> Self {
        let management = self.vhost.management();
        let event = String::from_utf8(event(id, to).to_json()).unwrap();
        let message = serde_json::json!({
            "properties": {}, "routing_key": MAIL_QUEUE, "payload": event, "payload_encoding": "string",
        });
        let path = self.vhost.path("exchanges", MAIL_EXCHANGE);
        management.post(&format!("{path}/publish"), &message).await;
        let get = serde_json::json!({"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"});
        let path = format!("{}/get", self.vhost.path("queues", MAIL_QUEUE));
        for _ in 0..times {
            wait_for("the message to be handed out", SOON, || async {
                let found = management.post(&path, &get).await;
                found.as_array().is_some_and(|found| !found.is_empty()).then_some(())
            })
            .await;
        }
        self
    }

    pub(crate) fn relay(mut self, relay: SmtpServer) -> Self {
        self.relay = relay;
        self
    }

    pub(crate) fn redis_url(mut self, url: String) -> Self {
        self.redis_url = url;
        self
    }

    /// The service knows no Redis.
    pub(crate) fn without_redis(mut self) -> Self {
        self.has_redis = false;
        self
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    pub(crate) async fn start(self) -> Rig {
        let Self { vhost, relay, redis_url, has_redis, arguments } = self;
        let port = free_port();
        let url = vhost.amqp_url();
        let mut all = vec!["mail-service".to_owned(), format!("--management-port={port}")];
        if has_redis {
            all.push(format!("--redis-url={redis_url}"));
        }
        all.extend(
            ["--mail-from=no-reply@ping.example", "--probe-first=100ms", "--probe-max=200ms"]
                .map(str::to_owned),
        );
        let relay_port = relay.port().to_string();
        let usual = [
            ("--bind-address=", "127.0.0.1"),
            ("--rabbitmq-url=", &url),
            ("--smtp-host=", "127.0.0.1"),
            ("--smtp-port=", &relay_port),
            ("--smtp-tls=", "none"),
        ];
        for (name, usual) in usual {
            if !arguments.iter().any(|argument| argument.starts_with(name)) {
                all.push(format!("{name}{usual}"));
            }
        }
        all.extend(arguments);
        // The environment of the test run names servers.
        let command = Config::command().mut_args(|arg| arg.env(Resettable::Reset));
        let config = Config::from_arg_matches(&command.try_get_matches_from(all).unwrap()).unwrap();
        let shutdown = Shutdown::new();
        mail_service::run(config, shutdown.clone()).await.unwrap();

        let options = PublisherOptions { exchanges: vec![], ..PublisherOptions::new(MAIL_EXCHANGE) };
        let broker = BrokerConfig::from_url(&url).unwrap().named("test");
        let publisher = Publisher::start(broker, options, &shutdown);
        let mut state = publisher.subscribe_state();
        let connected = state.wait_for(|state| *state == amqp::State::Connected);
        tokio::time::timeout(SOON, connected).await.expect("the test's publisher did not connect").unwrap();
        let client = redis::Client::open(redis_url).unwrap();
        let redis = client.get_multiplexed_async_connection().await.unwrap();
        let rig = Rig { vhost, relay, redis, publisher, shutdown, management_port: port };
        // Rules that a test adds from now on meet its mails, and not the try that comes before the first mail.
        rig.wait_for_readyz("a first try of the mail server", |answer| {
            answer.reason("smtp").is_some_and(|reason| reason != "Starting")
        })
        .await;
        rig
    }
}

impl Rig {
    /// Unix milliseconds on Redis' clock.
    pub(crate) async fn now_ms(&self) -> i64 {
        let (seconds, micros) =
            redis::cmd("TIME").query_async::<(i64, i64)>(&mut self.redis.clone()).await.unwrap();
        seconds * 1000 + micros / 1000
    }

    /// Publishes an event as user-service does; it lives for five minutes.
    pub(crate) async fn publish(&self, id: &EventId, to: &str) {
        let now = self.now_ms().await;
        let headers = vec![(ISSUED_AT_HEADER, now.into()), (EXPIRES_AT_HEADER, (now + 300_000).into())];
        self.publish_with(event(id, to).to_json(), headers).await;
    }

    pub(crate) async fn publish_with(&self, body: Vec<u8>, headers: Vec<(&'static str, HeaderValue)>) {
        self.publish_to(MAIL_EXCHANGE, body, headers).await;
    }

    /// Straight to the queue, as the original services do.
    pub(crate) async fn publish_to_queue(&self, body: &[u8]) {
        self.publish_to("", body.to_vec(), vec![]).await;
    }

    async fn publish_to(
        &self,
        exchange: &'static str,
        body: Vec<u8>,
        headers: Vec<(&'static str, HeaderValue)>,
    ) {
        let message = Message {
            exchange,
            routing_key: MAIL_QUEUE.to_owned(),
            message_id: "test".to_owned(),
            body,
            headers,
        };
        self.publisher.publish(message).await.unwrap();
    }

    /// The notes in the parking queue, once there are `count`; they stay there.
    pub(crate) async fn wait_for_parked(&self, count: usize) -> Vec<serde_json::Value> {
        self.wait_for_metric("ping_mail_parked_total").await;
        let what = format!("{count} parked notes");
        wait_for(&what, SOON, || async {
            let notes = self.parked().await;
            (notes.len() >= count).then_some(notes)
        })
        .await
    }

    async fn parked(&self) -> Vec<serde_json::Value> {
        let path = format!("{}/get", self.vhost.path("queues", PARKING_QUEUE));
        let body = serde_json::json!({"count": 100, "ackmode": "ack_requeue_true", "encoding": "auto"});
        let found = self.vhost.management().post(&path, &body).await;
        let found = found.as_array().cloned().unwrap_or_default();
        found.iter().map(|m| serde_json::from_str(m["payload"].as_str().unwrap()).unwrap()).collect()
    }

    /// Puts another policy over ours, and waits until it is in force.
    pub(crate) async fn override_policy(&self, queue: &str, definition: serde_json::Value) {
        let pattern = format!("^{}$", queue.replace('.', "\\."));
        let policy = serde_json::json!({
            "pattern": pattern, "apply-to": "quorum_queues", "priority": 200, "definition": definition,
        });
        let management = self.vhost.management();
        management.put(&self.vhost.path("policies", "override"), &policy).await;
        let path = self.vhost.path("queues", queue);
        management.wait_for("the policy to be in force", &path, |queue| queue["policy"] == "override").await;
    }

    /// Waits until the mail queue holds as many messages, ready and unacknowledged together.
    pub(crate) async fn wait_for_queued(&self, queue: &str, count: u64) {
        let what = format!("{count} messages in {queue}");
        let path = self.vhost.path("queues", queue);
        self.vhost.management().wait_for(&what, &path, |queue| queue["messages"] == count).await;
    }

    /// How many messages the broker last counted in `queue`.
    pub(crate) async fn queued(&self, queue: &str) -> Option<u64> {
        self.vhost.management().get(&self.vhost.path("queues", queue)).await?["messages"].as_u64()
    }

    pub(crate) async fn metrics(&self) -> String {
        let answer = test_kit::http_client();
        match answer.get(format!("http://127.0.0.1:{}/metrics", self.management_port)).send().await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits for a line of the metrics that starts so.
    pub(crate) async fn wait_for_metric(&self, line: &str) {
        let what = format!("the metric {line}");
        wait_for(&what, SOON, || async {
            self.metrics().await.lines().any(|l| l.starts_with(line)).then_some(())
        })
        .await;
    }

    /// Waits until the check is not usable for this reason; with an empty one, until it is usable.
    pub(crate) async fn wait_for_reason(&self, check: &str, reason: &str) -> Readyz {
        Readyz::wait_for(self.management_port, check, reason).await
    }

    pub(crate) async fn wait_for_readyz(&self, what: &str, wanted: impl Fn(&Readyz) -> bool) -> Readyz {
        Readyz::wait_until(self.management_port, what, wanted).await
    }

    /// The status of `/livez`; 0 when nobody answers.
    pub(crate) async fn livez(&self) -> u16 {
        let client = test_kit::http_client();
        let answer = client.get(format!("http://127.0.0.1:{}/livez", self.management_port)).send().await;
        answer.map_or(0, |answer| answer.status().as_u16())
    }

    pub(crate) fn trigger_shutdown(&self) {
        self.shutdown.trigger();
    }

    /// Waits for the end of the service, and hands back what outlives it.
    pub(crate) async fn finish(self, grace: Duration) -> (Finish, Vhost, SmtpServer) {
        let Self { vhost, relay, shutdown, publisher, .. } = self;
        drop(publisher);
        (shutdown.finish(grace).await, vhost, relay)
    }
}

pub(crate) fn event(id: &EventId, to: &str) -> MailEvent {
    MailEvent::sign_in_code(id.clone(), EmailAddress::parse(to).unwrap(), CODE, 5)
}

pub(crate) fn id(seed: u8) -> EventId {
    EventId::from_bytes([seed; 16])
}

pub(crate) fn message_id(id: &EventId) -> String {
    format!("<{id}@ping.example>")
}
