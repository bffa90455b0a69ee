//! The requests of a sign-in.

use std::time::Duration;

use ping_contract::synthetic;
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Step},
    token,
};

/// For one request. user-service itself gives up sooner.
const DEADLINE: Duration = Duration::from_secs(15);

/// user-service at one URL.
#[derive(Debug, Clone)]
pub(crate) struct UserService {
    pub(crate) client: Client,
    pub(crate) url: String,
}

/// What a verified code is worth.
pub(crate) struct Session {
    token: String,
    refresh_token: Option<String>,
}

/// A client for any number of stacks. It follows no redirects, uses no proxy and keeps no connection: a Service sends each to
/// some pod.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    service_kit::tls::install_provider();
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(DEADLINE)
        .pool_max_idle_per_host(0)
        .user_agent("ping-operator synthetic sign-in")
        .build()
}

impl UserService {
    /// Requests a code; answers the challenge.
    pub(crate) async fn log_in(&self, email: &str) -> Result<String, Failure> {
        let body = self.post(Step::Login, "/api/v1/login", &json!({ "email": email })).await?;
        text(&body, "challenge").ok_or(Failure::Incomplete { step: Step::Login, missing: "challenge" })
    }

    /// Verifies a code.
    pub(crate) async fn verify(&self, step: Step, body: &Value) -> Result<Session, Failure> {
        let body = self.post(step, "/api/v1/verify-otp", body).await?;
        if body["user"]["_id"] != synthetic::USER_ID {
            return Err(Failure::Token("it belongs to another user than that of synthetic sign-ins"));
        }
        let token = text(&body, "token").ok_or(Failure::Incomplete { step, missing: "token" })?;
        Ok(Session { token, refresh_token: text(&body, "refresh_token") })
    }

    /// Whether the token is signed by one of the published keys, and names the user. Where tokens are signed with a secret
    /// (501), no key is published.
    pub(crate) async fn check(&self, session: &Session) -> Result<(), Failure> {
        let request = self.client.get(format!("{}/.well-known/jwks.json", self.url));
        match send(Step::Token, request).await? {
            (200, keys) => token::check(&session.token, &keys).map_err(Failure::Token),
            (501, _) => Ok(()),
            (status, _) => Err(Failure::Refused { step: Step::Token, status }),
        }
    }

    /// Ends the session.
    pub(crate) async fn log_out(&self, session: &Session) -> Result<(), Failure> {
        let request = self.client.post(format!("{}/api/v1/logout", self.url)).bearer_auth(&session.token);
        let request = match &session.refresh_token {
            Some(token) => request.json(&json!({ "refresh_token": token })),
            None => request,
        };
        match send(Step::Logout, request).await? {
            (200, _) => Ok(()),
            (status, _) => Err(Failure::Refused { step: Step::Logout, status }),
        }
    }

    async fn post(&self, step: Step, path: &str, body: &Value) -> Result<Value, Failure> {
        match send(step, self.client.post(format!("{}{path}", self.url)).json(body)).await? {
            (200, body) => Ok(body),
            (status, _) => Err(Failure::Refused { step, status }),
        }
    }
}

async fn send(step: Step, request: RequestBuilder) -> Result<(u16, Value), Failure> {
    let response = request.send().await.map_err(|error| Failure::unanswered(step, error))?;
    let status = response.status().as_u16();
    // What is no JSON is missed where a field of it is wanted.
    Ok((status, response.json().await.unwrap_or_default()))
}

fn text(body: &Value, field: &str) -> Option<String> {
    body[field].as_str().map(str::to_owned)
}
