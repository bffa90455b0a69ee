//! A client of user-service, as a browser's page would call it.

use std::time::Duration;

use reqwest::Client as Http;
use serde_json::{Value, json};

/// Longer than user-service takes for anything: what is not answered by then is its fault.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// After a load, no connection is left that only waits: the server's open files are then its own.
const IDLE_LIMIT: Duration = Duration::from_secs(2);

/// A client of one user-service. Clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: Http,
    base: String,
}

/// An answer: its status, `Retry-After`, its id, and its JSON body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `X-Request-Id`.
    pub request_id: Option<String>,
    /// The body; `Null` if it is no JSON.
    pub body: Value,
}

impl Client {
    /// A client of the user-service at `127.0.0.1:port`.
    ///
    /// # Panics
    /// When no HTTP client can be made.
    #[must_use]
    pub fn new(port: u16) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Http::builder().no_proxy().timeout(ANSWER_DEADLINE).pool_idle_timeout(IDLE_LIMIT).build();
        let http = http.unwrap_or_else(|error| panic!("no HTTP client: {error}"));
        Self { http, base: format!("http://127.0.0.1:{port}/api/v1") }
    }

    /// user-service's URL, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        self.base.trim_end_matches("/api/v1").to_owned()
    }

    /// `POST /api/v1/login`; `None` if the connection failed.
    pub async fn login(&self, email: &str) -> Option<Answer> {
        self.login_with(email, &[]).await
    }

    /// [`login`](Self::login) with more headers.
    pub async fn login_with(&self, email: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        self.post("login", &json!({ "email": email }), headers).await
    }

    /// `POST /api/v1/verify-otp`; `None` if the connection failed.
    pub async fn verify(&self, email: &str, code: &str) -> Option<Answer> {
        self.post("verify-otp", &json!({ "email": email, "otp": code }), &[]).await
    }

    async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Option<Answer> {
        let request = self.http.post(format!("{}/{path}", self.base)).json(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let request_id = answer.headers().get("x-request-id");
        let request_id = request_id.and_then(|id| id.to_str().ok()).map(str::to_owned);
        Some(Answer { status, retry_after, request_id, body: answer.json().await.unwrap_or(Value::Null) })
    }
}
