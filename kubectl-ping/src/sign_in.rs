//! The requests of one sign-in.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::http::{self, Response};
use crate::mailpit::{Mailpit, code_in};

const MAIL_POLL: Duration = Duration::from_millis(100);
/// Between tries, where no `Retry-After` says otherwise.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct UserService {
    pub(crate) client: Client,
    pub(crate) url: String,
    /// How long 503 responses are retried.
    pub(crate) deadline: Duration,
    /// Whether requests without any response are retried as well.
    pub(crate) await_start: bool,
}

/// A code that was requested.
#[derive(Debug)]
pub(crate) struct Requested {
    pub(crate) message: String,
    challenge: Option<String>,
}

/// A session that began.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) message: String,
    pub(crate) token: String,
}

impl UserService {
    /// Requests a code by mail.
    pub(crate) async fn log_in(&self, email: &str) -> Result<Requested> {
        let body = self.post("/api/v1/login", &json!({ "email": email })).await?.ok("the login")?;
        let challenge = body["challenge"].as_str().map(str::to_owned);
        Ok(Requested { message: message(&body), challenge })
    }

    pub(crate) async fn verify(&self, email: &str, code: &str, requested: &Requested) -> Result<SignedIn> {
        let mut body = json!({ "email": email, "otp": code });
        if let Some(challenge) = &requested.challenge {
            body["challenge"] = json!(challenge);
        }
        let body = self.post("/api/v1/verify-otp", &body).await?.ok("the code")?;
        let token = body["token"].as_str().context("the response has no token")?.to_owned();
        Ok(SignedIn { message: message(&body), token })
    }

    /// A login with something that is no address is refused before anything is stored or mailed.
    pub(crate) async fn refuses_no_address(&self) -> Result<()> {
        let response = self.post("/api/v1/login", &json!({ "email": "nobody" })).await?;
        if response.status != 400 {
            bail!("a login without an address was answered {}: {}", response.status, response.message());
        }
        Ok(())
    }

    /// Sends it until the response is another than 503, or the deadline has passed.
    async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        let end = Instant::now() + self.deadline;
        loop {
            let outcome = http::send(self.client.post(format!("{}{path}", self.url)).json(body)).await;
            let pause = match &outcome {
                Ok(response) if response.status == 503 => response.retry_after.unwrap_or(PAUSE),
                Err(_) if self.await_start => PAUSE,
                _ => Duration::MAX,
            };
            if end.checked_duration_since(Instant::now()).is_none_or(|left| left < pause) {
                return outcome.with_context(|| format!("user-service does not answer at {}", self.url));
            }
            sleep(pause).await;
        }
    }
}

fn message(body: &Value) -> String {
    body["message"].as_str().unwrap_or_default().to_owned()
}

/// The text of a mail that was not there before.
pub(crate) async fn new_mail(
    mailpit: &Mailpit,
    email: &str,
    before: Option<&str>,
    deadline: Duration,
) -> Result<String> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(id) = mailpit.newest(email).await?.filter(|id| Some(id.as_str()) != before) {
            return mailpit.text(&id).await;
        }
        if Instant::now() > end {
            let waited = deadline.as_secs();
            bail!("no mail to {email} came to {} within {waited} s: see mail-service's log", mailpit.url);
        }
        sleep(MAIL_POLL).await;
    }
}

pub(crate) fn code_of(mail: &str) -> Result<&str> {
    code_in(mail).with_context(|| format!("the mail has no six-digit code: {mail}"))
}

/// An address that no login has used before.
pub(crate) fn new_address(prefix: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{prefix}-{}@example.org", now.as_millis())
}
