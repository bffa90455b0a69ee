//! One service in this process, over a database of its own and a publisher that keeps what it is given.

mod audit_lines;
mod clock;
mod keys;
mod mongo;
mod outbox;
mod program;
mod running;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, Request, request::Builder},
};
use clap::Parser as _;
use redis::aio::MultiplexedConnection;
use redis_client::{Probe, RedisArgs, RedisConnection, Supervision};
use serde_json::{Value, json};
use service_kit::{
    health::Health,
    http::{ServeOptions, serve},
    metrics::Metrics,
    shutdown::Shutdown,
};
use test_kit::{servers::fresh_database, wait::wait_until};
use tower::ServiceExt as _;
use user_service::{
    accounts::{self, AccountOptions, Accounts, DerivedAccounts, Directory, DirectorySettings},
    audit::Audit,
    codes::Store,
    config::LimitArgs,
    endpoints::{Api, App, LoginConcurrency, Parts, RouterOptions, api},
    http::{AllowedPages, TrustedProxies, admission::Admission},
    mail_sealing::MailSealing,
    metrics::ServiceMetrics,
    peppers::{LastingPeppers, Peppers},
    sessions::Sessions,
    tokens::{EdDsa, KeyRing, Publication, TokenOptions, Tokens, Watched, read_key_folder, watch},
};

use audit_lines::AuditLines;
pub use keys::{add_key, key_folder};
pub use mongo::{MongoDatabase, OriginalDatabase};
pub use outbox::{Answering, Outbox};
pub use program::{client, client_text, dev, repository};
pub use running::{Running, apply_topology};

/// Three times what anything here should take.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Signs tokens.
pub const SECRET: &[u8] = b"a secret for tests of 32 octets..";
/// Makes the ids of people.
pub const USER_ID_KEY: [u8; 32] = [7; 32];
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
    directory: Option<DirectorySettings>,
    keys: Option<PathBuf>,
    options: AccountOptions,
    allowed_pages: AllowedPages,
    max_in_flight: usize,
    login_concurrency: LoginConcurrency,
    peppers: Peppers,
    user_id_secret: Option<&'static [u8]>,
    sealing: MailSealing,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: vec!["limits".to_owned()],
            redis_url: None,
            accounts: Arc::new(DerivedAccounts::new(&USER_ID_KEY)),
            directory: None,
            keys: None,
            options: AccountOptions::default(),
            allowed_pages: AllowedPages::default(),
            max_in_flight: 4096,
            login_concurrency: LoginConcurrency::new(4096, Duration::MAX),
            peppers: Peppers::derived_from(SECRET),
            user_id_secret: None,
            sealing: MailSealing::default(),
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

    /// The directory in this MongoDB.
    pub fn directory(self, uri: &str) -> Self {
        // Every test has a database of its own, and its users are in no other.
        let database = uri.rsplit('/').next().map(str::to_owned);
        self.directory_at(DirectorySettings { uri: uri.into(), database })
    }

    /// The directory as these settings have it.
    pub fn directory_at(mut self, settings: DirectorySettings) -> Self {
        self.directory = Some(settings);
        self
    }

    /// `EdDSA` tokens under the keys of this folder, and sessions.
    pub fn signing_keys(mut self, folder: &std::path::Path) -> Self {
        self.keys = Some(folder.to_path_buf());
        self
    }

    /// Addresses of others are shown.
    pub fn directory_emails(mut self) -> Self {
        self.options.directory_emails = true;
        self
    }

    /// Tokens are accepted without asking for their sessions.
    pub fn unchecked_sessions(mut self) -> Self {
        self.options.check_session = false;
        self
    }

    /// Codes are accepted with their challenge only.
    pub fn require_challenge(mut self) -> Self {
        self.options.require_challenge = true;
        self
    }

    /// `GET /api/v1/users` is off.
    pub fn unlisted_users(mut self) -> Self {
        self.options.list_users = false;
        self
    }

    /// Browsers get a cookie for this domain.
    pub fn cookie_domain(mut self, domain: &str) -> Self {
        self.options.cookie_domain = Some(domain.to_owned());
        self
    }

    /// The only origin whose pages may call.
    pub fn origin(mut self, origin: &'static str) -> Self {
        let origin = ping_contract::origin::normalise(origin).unwrap();
        self.allowed_pages.origins.push(origin.try_into().unwrap());
        self
    }

    /// A header that pages may send beside the usual ones.
    pub fn allowed_header(mut self, name: &'static str) -> Self {
        self.allowed_pages.headers.push(HeaderName::from_static(name));
        self
    }

    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    pub fn login_concurrency(mut self, limit: LoginConcurrency) -> Self {
        self.login_concurrency = limit;
        self
    }

    pub fn peppers(mut self, peppers: &Peppers) -> Self {
        self.peppers = peppers.clone();
        self
    }

    /// Mail events are sealed.
    pub fn sealing(mut self, sealing: MailSealing) -> Self {
        self.sealing = sealing;
        self
    }

    /// Sessions and known networks are hashed under a key that outlives the peppers.
    pub fn user_id_secret(mut self, secret: &'static [u8]) -> Self {
        self.user_id_secret = Some(secret);
        self
    }

    /// Starts it and waits until it has all its connections.
    pub async fn start(self) -> Service {
        let service = self.start_unready().await;
        let ready = || async { service.health.not_ready().is_empty() };
        wait_until("the service to reach its servers", DEADLINE, ready).await;
        service
    }

    /// Starts it and waits until it has a connection to Redis.
    pub async fn start_unready(self) -> Service {
        let url = match self.redis_url {
            Some(url) => url,
            None => fresh_database().await,
        };
        let shutdown = Shutdown::new();
        let health = Health::new();
        let metrics = Metrics::new("user-service", "test");
        let counters = ServiceMetrics::new(&metrics);
        let client = redis::Client::open(url.as_str()).unwrap();
        let connection = connect(&url, &health, &shutdown);
        let limits = Arc::new(Limits::parse_from(self.limits).limits.limits());
        let outbox = Outbox::default();
        let lines = AuditLines::default();
        let audit = Audit::start(lines.clone(), counters.clone()).unwrap();
        let lasting_peppers = LastingPeppers::new(self.user_id_secret, self.peppers.clone());
        let app = App::new(Parts {
            store: Store::new(connection.clone(), Arc::clone(&limits)),
            publisher: Arc::new(outbox.clone()),
            sealing: self.sealing,
            accounts: directory_or(self.accounts, self.directory, &health, &shutdown),
            sessions: self.keys.is_some().then(|| Sessions::new(connection.clone(), lasting_peppers.clone())),
            tokens: tokens(self.keys, connection.clone(), &health, &shutdown),
            options: self.options,
            peppers: self.peppers,
            lasting_peppers,
            limits,
            login_concurrency: self.login_concurrency,
            proxies: TrustedProxies::new(vec!["127.0.0.1/32".parse().unwrap()]),
            metrics: counters.clone(),
            audit: audit.clone(),
            shutdown: shutdown.clone(),
        });
        let admission = Admission::new(self.max_in_flight, Duration::from_secs(5), counters);
        let api = api(&app, RouterOptions { allowed_pages: self.allowed_pages, admission });
        let redis_is_missing = || health.not_ready().iter().any(|(name, _)| *name == "redis");
        wait_until("the service to reach Redis", DEADLINE, || async { !redis_is_missing() }).await;
        Service { api, outbox, audit, lines, metrics, health, client, redis_url: url, shutdown }
    }
}

fn connect(url: &str, health: &Health, shutdown: &Shutdown) -> RedisConnection {
    let health = health.require("redis");
    RedisConnection::start(
        RedisArgs { redis_url: url.into(), redis_ca_file: None }.client().unwrap(),
        Supervision { probe: Probe::Script, health, on_connect: Box::new(|| ()) },
        shutdown,
    )
}

fn directory_or(
    given: Arc<dyn Accounts>,
    settings: Option<DirectorySettings>,
    health: &Health,
    shutdown: &Shutdown,
) -> Arc<dyn Accounts> {
    let Some(settings) = settings else { return given };
    let directory = Directory::new(Some(DerivedAccounts::new(&USER_ID_KEY)));
    let check = health.require("directory");
    let supervised = accounts::supervise(directory.clone(), settings, check, shutdown.clone());
    shutdown.spawn("directory", supervised);
    Arc::new(directory)
}

/// The life of an `EdDSA` token in tests.
pub const TOKEN_LIFE: Duration = Duration::from_mins(15);

fn tokens(keys: Option<PathBuf>, redis: RedisConnection, health: &Health, shutdown: &Shutdown) -> Tokens {
    let Some(folder) = keys else { return Tokens::hs256(SECRET) };
    let ring = KeyRing::new(read_key_folder(&folder).unwrap(), TOKEN_LIFE).unwrap();
    let check = health.require("signing-keys");
    let watched = Watched { ring: ring.clone(), on_change: Box::new(|_| ()), check };
    shutdown.spawn("signing keys", watch(watched, folder, Publication::new(redis), shutdown.clone()));
    let issuer = "https://id.example.org".to_owned();
    Tokens::EdDsa(EdDsa::new(ring, TokenOptions { issuer, audience: "shop".to_owned(), life: TOKEN_LIFE }))
}

/// A running service.
pub struct Service {
    pub api: Api,
    /// What was handed over.
    pub outbox: Outbox,
    audit: Audit,
    lines: AuditLines,
    pub metrics: Metrics,
    pub health: Health,
    client: redis::Client,
    redis_url: String,
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
    /// From a real connection.
    pub async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, json }
    }

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
    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.send_from([127, 0, 0, 1], request).await
    }

    /// Sends a request from this address; our proxy is 127.0.0.1.
    pub async fn send_from(&self, peer: [u8; 4], mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 4711))));
        let response = self.api.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap(), json }
    }

    /// Posts JSON with more headers; `x-forwarded-for` says who asks.
    pub async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.send_json(Request::post(path), body, headers).await
    }

    /// Puts JSON, in the same way.
    pub async fn put(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.send_json(Request::put(path), body, headers).await
    }

    async fn send_json(&self, request: Builder, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = request.header("content-type", "application/json");
        if !headers.iter().any(|(name, _)| *name == "x-forwarded-for") {
            request = request.header("x-forwarded-for", CLIENT);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A request without a body, perhaps with a token.
    pub async fn ask(&self, method: &str, path: &str, token: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Signs in; the answer of verify-otp.
    pub async fn sign_in(&self, email: &str) -> Answer {
        let (code, _) = self.code_for(email).await;
        self.verify(email, &code).await.expect(200)
    }

    /// Serves on a port of 127.0.0.1 as well; its address.
    pub async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = serve(listener, self.api.clone(), ServeOptions::default(), self.shutdown.clone());
        self.shutdown.spawn("http", serving);
        address
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
        self.verify_with_from(CLIENT, challenge, email, otp).await
    }

    pub async fn verify_with_from(&self, client: &str, challenge: &str, email: &str, otp: &str) -> Answer {
        let body = json!({ "email": email, "otp": otp, "challenge": challenge });
        self.post("/api/v1/verify-otp", &body, &[("x-forwarded-for", client)]).await
    }

    /// What the audit log has so far, as it was written.
    pub fn audit_text(&self) -> String {
        assert!(self.audit.flush(DEADLINE));
        self.lines.text()
    }

    /// The same, line by line.
    pub fn audit_lines(&self) -> Vec<Value> {
        self.audit_text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Why a server cannot be used now; `None` if it can.
    pub fn trouble(&self, check: &str) -> Option<&'static str> {
        self.health.report(false).check(check).unwrap_or_else(|| panic!("no check {check}")).reason
    }

    /// Waits until a server is reported as not usable for this reason; `None`: as usable.
    pub async fn wait_for_trouble(&self, check: &str, reason: Option<&str>) {
        let what = format!("{check} to be reported as {reason:?}");
        wait_until(&what, DEADLINE, || async { self.trouble(check) == reason }).await;
    }

    /// A connection of the test's own.
    pub async fn redis(&self) -> MultiplexedConnection {
        self.client.get_multiplexed_async_connection().await.unwrap()
    }

    /// The database, for a second service on it.
    pub fn redis_url(&self) -> String {
        self.redis_url.clone()
    }

    /// The signing keys that were published in Redis.
    pub async fn noted_keys(&self) -> Vec<String> {
        self.keys().await.into_iter().filter(|key| key.starts_with("signing-key:")).collect()
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
