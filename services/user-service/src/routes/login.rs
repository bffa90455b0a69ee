//! `POST /api/v1/login`: sends a code by mail. 200 only once the broker has confirmed the mail event.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use ping_contract::{
    address::EmailAddress,
    event::{EventId, MailEvent},
    wire,
};
use serde::{Deserialize, Serialize};

use super::cors::IDEMPOTENCY_KEY;
use crate::{
    app::App,
    client_ip::ClientIp,
    codes::{Code, random_bytes},
    limits::Remaining,
    metrics::LoginOutcome,
    peppers::{Pepper, challenge_hash},
    problem::{Problem, insert_rate_limit},
    publisher::{OutgoingMail, PublishError},
    request_body::{Field, JsonBody, parse_object},
    store::{IssueOutcome, IssueRequest, Issued, PublishResult},
};

mod settling;

use settling::Settling;

/// The body as it is read. Unknown fields are ignored.
#[derive(Debug, Deserialize)]
struct LoginRequest<'a> {
    #[serde(borrow, default)]
    email: Field<'a>,
}

/// The body of a 200.
#[derive(Debug, Serialize)]
struct LoginResponse<'a> {
    message: &'a str,
    challenge: String,
    expires_in: u64,
    resend_after: u64,
}

/// What a request asks for, checked.
struct Wish {
    address: EmailAddress,
    client: ClientIp,
    idempotency_key: Option<String>,
}

/// Ends of a login that are no 200, each with what is counted.
type Failure = (LoginOutcome, Problem);

/// Counts each policy, makes a code live, hands its mail over, and answers.
pub(super) async fn login(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Response {
    let wish = body
        .and_then(|body| parse_address(body.bytes()))
        .and_then(|address| Ok((address, parse_idempotency_key(&headers)?)))
        .map(|(address, idempotency_key)| Wish {
            address,
            client: app.client(peer, &headers),
            idempotency_key,
        })
        .map_err(|problem| (LoginOutcome::Invalid, problem));
    let result = match wish {
        Ok(wish) => send_code(&app, wish).await,
        Err(failure) => Err(failure),
    };
    let (outcome, mut response) =
        result.unwrap_or_else(|(outcome, problem)| (outcome, problem.into_response()));
    insert_rate_limit(response.headers_mut(), app.login_policies.as_ref(), None);
    app.parts.metrics.login(outcome);
    response
}

fn parse_address(body: &[u8]) -> Result<EmailAddress, Problem> {
    let request = parse_object::<LoginRequest<'_>>(body)?;
    let email = request.email.text().ok_or(Problem::email_required())?;
    EmailAddress::parse(email).map_err(|_| Problem::invalid_address())
}

/// `Idempotency-Key`: 16 to 64 printable characters.
fn parse_idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(IDEMPOTENCY_KEY) {
            Err(Problem::invalid_idempotency_key())
        } else {
            Ok(None)
        };
    };
    let key = value.to_str().ok().filter(|key| (16..=64).contains(&key.len()));
    key.map(|key| Some(key.to_owned())).ok_or(Problem::invalid_idempotency_key())
}

async fn send_code(app: &Arc<App>, wish: Wish) -> Result<(LoginOutcome, Response), Failure> {
    let peppers = app.parts.peppers.all();
    let store_failed =
        |error: &dyn std::error::Error| (LoginOutcome::StoreUnavailable, app.unavailable("issue", error));
    let Some(pepper) = peppers.first() else {
        return Err((LoginOutcome::StoreUnavailable, Problem::internal()));
    };
    let draw = Draw::new(pepper).map_err(|error| store_failed(&error))?;
    let idempotency = wish
        .idempotency_key
        .as_deref()
        .map(|key| (pepper.idempotency_digest(key), pepper.fingerprint(&wish.address)));
    let outcome = app
        .parts
        .store
        .issue(IssueRequest {
            address: &wish.address,
            client: wish.client,
            issue_id: &draw.issue_id,
            digest: &pepper.code_digest(&wish.address, &draw.code),
            kid: pepper.kid(),
            challenge_hash: &challenge_hash(&draw.challenge),
            idempotency: idempotency
                .as_ref()
                .map(|(digest, fingerprint)| (digest.as_str(), fingerprint.as_str())),
        })
        .await
        .map_err(|error| store_failed(&error))?;
    match outcome {
        IssueOutcome::Issued(issued) => {
            app.parts.metrics.allowed("login");
            let tightest = issued.tightest;
            hand_over(app, wish.address, (&draw, issued)).await?;
            Ok((LoginOutcome::Sent, sent(app, draw.challenge, tightest)))
        }
        IssueOutcome::Limited(refusal) => {
            app.parts.metrics.refused(&refusal.policies);
            Err((LoginOutcome::Limited, Problem::too_many_logins(refusal)))
        }
        IssueOutcome::Replay { issue_id, kid } => {
            let pepper = peppers.iter().find(|pepper| pepper.kid() == kid);
            let pepper = pepper.ok_or((LoginOutcome::Conflict, Problem::unavailable()))?;
            Ok((LoginOutcome::Replayed, sent(app, pepper.challenge(&issue_id), None)))
        }
        IssueOutcome::InFlight => Err((LoginOutcome::Conflict, Problem::request_in_flight())),
        IssueOutcome::OtherBody => Err((LoginOutcome::Conflict, Problem::idempotency_key_reused())),
    }
}

/// What is drawn for one login.
struct Draw {
    code: Code,
    issue_id: String,
    event_id: EventId,
    challenge: String,
}

impl Draw {
    fn new(pepper: &Pepper) -> Result<Self, crate::codes::NoRandomness> {
        let issue_id = hex::encode(random_bytes::<16>()?);
        Ok(Self {
            code: Code::random()?,
            event_id: EventId::from_bytes(random_bytes()?),
            challenge: pepper.challenge(&issue_id),
            issue_id,
        })
    }
}

/// Publishes the mail event and waits for the confirm; without one the issue is taken back, as far as it may be.
async fn hand_over(
    app: &Arc<App>,
    address: EmailAddress,
    (draw, issued): (&Draw, Issued),
) -> Result<(), Failure> {
    let minutes = app.parts.limits.code_minutes();
    let event = MailEvent::sign_in_code(draw.event_id.clone(), address, draw.code.as_str(), minutes);
    let mail = OutgoingMail {
        id: draw.event_id.clone(),
        body: event.to_json(),
        expires_at_ms: issued.expires_at_ms,
    };
    let settling = Settling::new(app, issued.receipt);
    match app.parts.publisher.publish(mail).await {
        Ok(()) => {
            settling.confirmed().await;
            Ok(())
        }
        Err(error) => {
            let (result, outcome) = match &error {
                PublishError::Refused(_) => (PublishResult::Refused, LoginOutcome::PublishRefused),
                PublishError::Unknown(_) => (PublishResult::Unknown, LoginOutcome::PublishUnknown),
            };
            settling.take_back(result).await;
            Err((outcome, app.unavailable("publish", &error)))
        }
    }
}

fn sent(app: &App, challenge: String, tightest: Option<Remaining>) -> Response {
    let body = LoginResponse {
        message: wire::CODE_SENT,
        challenge,
        expires_in: app.parts.limits.code_ttl.as_secs(),
        resend_after: app.parts.limits.resend_after.as_secs(),
    };
    let body = serde_json::to_vec(&body).unwrap_or_default(); // cannot fail: texts and numbers
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    insert_rate_limit(headers, None, tightest);
    response
}

#[cfg(test)]
mod tests;
