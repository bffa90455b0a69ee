//! A whole Ping of one test's own: its servers and services are processes that the test may kill, stop and freeze.

use std::{path::PathBuf, time::Duration};

use test_kit::{
    port::free_port,
    process::{ServiceCommand, ServiceProcess},
    proxy::Proxy,
    servers::{RabbitServer, RedisServer, SmallDisk},
    smtp::{SmtpServer, SmtpServerBuilder},
};

use crate::client::Client;

/// `ping-topology` takes a second; a busy machine takes its time.
const TOPOLOGY_DEADLINE: Duration = Duration::from_mins(1);

/// What a test wants otherwise than usual.
#[derive(Default)]
pub struct Setup {
    /// More environment of user-service.
    pub user_service: Vec<(&'static str, String)>,
    /// More environment of mail-service.
    pub mail_service: Vec<(&'static str, String)>,
    /// More arguments of Redis.
    pub redis: Vec<&'static str>,
    /// More lines of `rabbitmq.conf`.
    pub rabbitmq: Vec<&'static str>,
    /// A small disk for Redis' data.
    pub redis_disk: Option<SmallDisk>,
    /// A small disk for RabbitMQ's data.
    pub rabbitmq_disk: Option<SmallDisk>,
    /// The mail server, if not a plain one that takes everything.
    pub smtp: Option<SmtpServerBuilder>,
    /// Where the programs of both services are, if not beside the test: a release build's folder.
    pub programs: Option<PathBuf>,
    /// Runs each service through this program, as in `["faketime", "-f", "+10m"]`: user-service's, then mail-service's.
    pub through: [Vec<&'static str>; 2],
}

/// The running parts. Everything ends when it is dropped.
pub struct Platform {
    pub redis: RedisServer,
    /// The way of user-service and mail-service to Redis.
    pub redis_proxy: Proxy,
    /// RabbitMQ, with the topology applied in vhost `/`.
    pub rabbitmq: RabbitServer,
    /// The way of user-service to RabbitMQ.
    pub publisher_proxy: Proxy,
    /// The way of mail-service to RabbitMQ.
    pub consumer_proxy: Proxy,
    /// The recording mail server.
    pub smtp: SmtpServer,
    pub user_service: ServiceProcess,
    pub mail_service: ServiceProcess,
    pub client: Client,
    management_ports: [u16; 2],
}

impl Platform {
    /// Starts everything as it is by default, per-IP limits off, and waits until both services are ready.
    pub async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    /// Starts everything as `setup` says, and waits until both services are ready.
    pub async fn start_with(setup: Setup) -> Self {
        let Setup { redis, rabbitmq, redis_disk, rabbitmq_disk, smtp, programs, through, .. } = setup;
        let (redis, rabbitmq, smtp) = tokio::join!(
            RedisServer::start_with(&redis, redis_disk),
            RabbitServer::start_with(&rabbitmq, rabbitmq_disk),
            smtp.unwrap_or_default().start(),
        );
        apply_topology(&rabbitmq).await;
        let (redis_proxy, publisher_proxy, consumer_proxy) = tokio::join!(
            Proxy::start(redis.address()),
            Proxy::start(rabbitmq.address()),
            Proxy::start(rabbitmq.address()),
        );
        let port = free_port();
        let management_ports = [free_port(), free_port()];
        let redis_url = format!("redis://{}/0", redis_proxy.address());
        let broker = rabbitmq.broker();
        let common = |name: &str, management: u16, proxy: &Proxy| {
            let command = ServiceCommand::new(name, management);
            let command = programs.iter().fold(command, |command, folder| command.from_folder(folder));
            command
                .env("BIND_ADDRESS", "127.0.0.1")
                .env("MANAGEMENT_PORT", management.to_string())
                .env("REDIS_URL", &redis_url)
                .env("RABBITMQ_HOST", "127.0.0.1")
                .env("RABBITMQ_PORT", proxy.port().to_string())
                .env("RABBITMQ_USER", &broker.user)
                .env("RABBITMQ_PASSWORD", &broker.password)
        };
        let [through_user, through_mail] = through;
        let user = common("user-service", management_ports[0], &publisher_proxy)
            .env("PORT", port.to_string())
            .env("JWT_SECRET", "a secret of thirty-two octets or more")
            .env("LOGIN_PER_IP", "0")
            .env("LOGIN_WRONG_PER_IP", "0")
            .through(through_user);
        let mail = common("mail-service", management_ports[1], &consumer_proxy)
            .env("SMTP_HOST", "127.0.0.1")
            .env("SMTP_PORT", smtp.port().to_string())
            .env("SMTP_TLS", "none")
            .env("MAIL_FROM", "Ping <no-reply@example.org>")
            .through(through_mail);
        let user =
            setup.user_service.into_iter().fold(user, |command, (name, value)| command.env(name, value));
        let mail =
            setup.mail_service.into_iter().fold(mail, |command, (name, value)| command.env(name, value));
        let (user_service, mail_service) = tokio::join!(user.start(), mail.start());
        let client = Client::new(port);
        Self {
            redis,
            redis_proxy,
            rabbitmq,
            publisher_proxy,
            consumer_proxy,
            smtp,
            user_service,
            mail_service,
            client,
            management_ports,
        }
    }

    /// Applies the topology again, as an operator would.
    pub async fn apply_topology(&self) {
        apply_topology(&self.rabbitmq).await;
    }

    /// The value of a metric of mail-service, its labels as they are printed, as in `ping_x_total{outcome="y"}`; 0 if it has none.
    pub async fn mail_service_metric(&self, name: &str) -> f64 {
        value(&self.mail_service_metrics().await, name)
    }

    /// The value of a metric of user-service, as of [`mail_service_metric`](Self::mail_service_metric).
    pub async fn user_service_metric(&self, name: &str) -> f64 {
        value(&self.user_service_metrics().await, name)
    }

    /// All metrics of user-service, as text.
    pub async fn user_service_metrics(&self) -> String {
        metrics(self.management_ports[0]).await
    }

    /// All metrics of mail-service, as text.
    pub async fn mail_service_metrics(&self) -> String {
        metrics(self.management_ports[1]).await
    }

    /// How many messages a queue holds, by the broker's own count, which is up to a second old.
    pub async fn queue_depth(&self, queue: &str) -> Option<u64> {
        self.rabbitmq.management().get(&format!("/api/queues/%2F/{queue}")).await?.get("messages")?.as_u64()
    }
}

async fn apply_topology(rabbitmq: &RabbitServer) {
    let broker = rabbitmq.broker();
    let mut run = ServiceCommand::new("ping-topology", 0)
        .env("RABBITMQ_MANAGEMENT_URL", &broker.management_url)
        .env("RABBITMQ_USER", &broker.user)
        .env("RABBITMQ_PASSWORD", &broker.password)
        .spawn();
    let status = run.wait_for_exit(TOPOLOGY_DEADLINE).await;
    assert!(status.success(), "ping-topology failed: {:?}", run.output().lines());
}

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
}

async fn metrics(port: u16) -> String {
    let answer = async { reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await?.text().await };
    answer.await.unwrap_or_default()
}
