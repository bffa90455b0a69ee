//! One service in this process, over a database of its own and a publisher that keeps what it is given.

mod outbox;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Request},
};
use clap::Parser as _;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use service_kit::{health::Health, metrics::Metrics, shutdown::Shutdown};
use test_kit::{servers::fresh_database, wait::wait_until};
use tower::ServiceExt as _;
use user_service::{
    accounts::{Accounts, DerivedAccounts},
    app::{AccountOptions, App, Parts},
    client_ip::TrustedProxies,
    config::LimitArgs,
    metrics::ServiceMetrics,
    peppers::Peppers,
    routes::{Admission, RouterOptions, router},
    store::{RedisConnection, Store, supervise},
    tokens::Tokens,
};

pub use outbox::{Answering, Outbox};

/// Three times what anything here should take.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Signs tokens.
pub const SECRET: &[u8] = b"a secret for tests of 32 octets..";
/// Every test's own client, unless it says another.
pub const CLIENT: &str = "203.0.113.7";

#[derive(clap::Parser)]
struct Limits {
    #[command(flatten)]
    limits: LimitArgs,
}

/// How a service of a test differs from the usual.
pub struct Setup {
    limits: Vec<String>,
    redis_url: Option<String>,
    accounts: Arc<dyn Accounts>,
    max_in_flight: usize,
    peppers: Peppers,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: vec!["limits".to_owned()],
            redis_url: None,
            accounts: Arc::new(DerivedAccounts::new(&[7; 32])),
            max_in_flight: 4096,
            peppers: Peppers::derived_from(SECRET),
        }
    }
}

impl Setup {
    /// One limit, as on the command line: `("--login-per-ip", 3)`.
    pub fn limit(mut self, name: &str, value: u32) -> Self {
        self.limits.extend([name.to_owned(), value.to_string()]);
        self
    }

    /// No pause between logins, and as many as one likes.
    pub fn unlimited_logins(self) -> Self {
        let names = ["--login-per-address", "--login-per-address-a-day", "--login-per-ip"];
        names
            .into_iter()
            .fold(self.limit("--login-resend-after-seconds", 0), |setup, name| setup.limit(name, 0))
    }

    pub fn redis_url(mut self, url: String) -> Self {
        self.redis_url = Some(url);
        self
    }

    pub fn accounts(mut self, accounts: impl Accounts) -> Self {
        self.accounts = Arc::new(accounts);
        self
    }

    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    pub fn peppers(mut self, peppers: &Peppers) -> Self {
        self.peppers = peppers.clone();
        self
    }

    /// Starts it and waits until it has a connection to Redis.
    pub async fn start(self) -> Service {
        let url = match self.redis_url {
            Some(url) => url,
            None => fresh_database().await,
        };
        let (shutdown, health) = (Shutdown::new(), Health::new());
        let metrics = Metrics::new("user-service", "test");
        let counters = ServiceMetrics::new(&metrics);
        let client = redis::Client::open(url.as_str()).unwrap();
        let connection = RedisConnection::new();
        let watch = (health.register("redis"), counters.clone());
        shutdown.spawn("redis", supervise(connection.clone(), client.clone(), watch, shutdown.clone()));
        let limits = Arc::new(Limits::parse_from(self.limits).limits.limits());
        let outbox = Outbox::default();
        let app = App::new(Parts {
            store: Store::new(connection, Arc::clone(&limits)),
            publisher: Arc::new(outbox.clone()),
            accounts: self.accounts,
            tokens: Tokens::hs256(SECRET),
            sessions: None,
            options: AccountOptions::default(),
            peppers: self.peppers,
            limits,
            proxies: TrustedProxies::new(vec!["127.0.0.1/32".parse().unwrap()]),
            metrics: counters,
            shutdown: shutdown.clone(),
        });
        let admission = Admission::new(self.max_in_flight, Duration::from_secs(5));
        let router = router(app, RouterOptions { allowed_origins: Vec::new(), admission });
        wait_until("the service to reach Redis", DEADLINE, || async { health.not_ready().is_empty() }).await;
        Service { router, outbox, metrics, health, client, shutdown }
    }
}

/// A running service.
pub struct Service {
    pub router: Router,
    /// What was handed over.
    pub outbox: Outbox,
    pub metrics: Metrics,
    pub health: Health,
    client: redis::Client,
    shutdown: Shutdown,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    /// The header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.json["message"].as_str().unwrap_or_default()
    }

    /// Fails the test with the whole answer if it has another status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Service {
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// Sends a request as a client of our proxy.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4711))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap(), json }
    }

    /// Posts JSON with more headers; `x-forwarded-for` says who asks.
    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        if !headers.iter().any(|(name, _)| *name == "x-forwarded-for") {
            request = request.header("x-forwarded-for", CLIENT);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn login(&self, email: &str) -> Answer {
        self.login_from(CLIENT, email).await
    }

    pub async fn login_from(&self, client: &str, email: &str) -> Answer {
        self.post("/api/v1/login", &json!({ "email": email }), &[("x-forwarded-for", client)]).await
    }

    /// A login that must be answered 200; the code that was mailed, and the challenge.
    pub async fn code_for(&self, email: &str) -> (String, String) {
        self.code_from(CLIENT, email).await
    }

    pub async fn code_from(&self, client: &str, email: &str) -> (String, String) {
        let answer = self.login_from(client, email).await.expect(200);
        let address = email.to_ascii_lowercase();
        (self.outbox.last_code(&address), answer.json["challenge"].as_str().unwrap().to_owned())
    }

    pub async fn verify(&self, email: &str, otp: &str) -> Answer {
        self.verify_from(CLIENT, email, otp).await
    }

    pub async fn verify_from(&self, client: &str, email: &str, otp: &str) -> Answer {
        let body = json!({ "email": email, "otp": otp });
        self.post("/api/v1/verify-otp", &body, &[("x-forwarded-for", client)]).await
    }

    pub async fn verify_with(&self, challenge: &str, email: &str, otp: &str) -> Answer {
        let body = json!({ "email": email, "otp": otp, "challenge": challenge });
        self.post("/api/v1/verify-otp", &body, &[]).await
    }

    /// A connection of the test's own.
    pub async fn redis(&self) -> MultiplexedConnection {
        self.client.get_multiplexed_async_connection().await.unwrap()
    }

    /// All keys, sorted.
    pub async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> =
            redis::cmd("KEYS").arg("*").query_async(&mut self.redis().await).await.unwrap();
        keys.sort();
        keys
    }
}

/// Another code than this one.
pub fn other(code: &str) -> String {
    wrong_codes(code).next().unwrap()
}

/// Codes that are not this one.
pub fn wrong_codes(code: &str) -> impl Iterator<Item = String> {
    let right = code.parse::<u32>().unwrap();
    (1..).map(move |n| format!("{:06}", (right + n) % 1_000_000))
}
