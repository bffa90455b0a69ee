//! `POST /api/v1/login`: sends a code by mail. 200 only once the broker has confirmed the mail event.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use ping_contract::{event::EventId, wire};
use sealed_mail::Contents;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    audit::{Entry, Event, Outcome},
    codes::{Code, IssueOutcome, IssueRequest, Issued, PublishResult},
    endpoints::App,
    http::{
        body::JsonBody,
        problem::Problem,
        rate_limit_headers::{insert_policies, insert_remaining},
        request, response,
    },
    metrics::LoginOutcome,
    peppers::{HexDigest, Pepper, challenge_hash},
    publisher::{OutgoingMail, PublishError},
    random::random_bytes,
    rate_limits::Remaining,
};

mod parse;
mod settling;

use parse::{Login, LoginRequest, parse_login};
use settling::{Settling, undo_unseen};

/// The body of a 200.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoginResponse<'a> {
    message: &'a str,
    /// To be sent with the code: gives tries of one's own.
    challenge: String,
    /// Life of the code, in seconds.
    expires_in: u64,
    /// When the next login may be, in seconds.
    resend_after: u64,
}

/// Ends of a login that are no 200, each with what is counted.
type Failure = (LoginOutcome, Problem);

/// Counts each policy, makes a code live, hands its mail over, and answers.
#[utoipa::path(
    post, path = "/api/v1/login", tag = "sign-in", request_body = LoginRequest,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "At most 255 printable characters: a retry sends no second code"),
        ("Accept-Language" = Option<String>, Header, description = "Languages that the user would like the mail in: five at most, of the first 200 octets"),
    ),
    responses(
        (status = 200, description = "The mail event is confirmed by the broker", body = LoginResponse),
        (status = 400, description = "No address, or a bad one; a bad locale"),
        (status = 409, description = "The first request with this Idempotency-Key is not answered yet"),
        (status = 422, description = "This Idempotency-Key came with another body"),
        (status = 429, description = "Too many logins"),
        (status = 503, description = "Redis or the broker does not answer"),
    )
)]
pub(super) async fn login(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Response {
    let login = body
        .and_then(|body| parse_login(body.bytes(), &headers, || app.client(peer, &headers)))
        .map_err(|problem| (LoginOutcome::Invalid, problem));
    let result = match login {
        Ok(login) => send_code(&app, login).await,
        Err(failure) => Err(failure),
    };
    let (outcome, mut response) =
        result.unwrap_or_else(|(outcome, problem)| (outcome, problem.into_response()));
    insert_policies(response.headers_mut(), app.login_policies.as_ref());
    app.parts.metrics.login(outcome);
    response
}

async fn send_code(app: &Arc<App>, login: Login) -> Result<(LoginOutcome, Response), Failure> {
    let Some(_place) = app.parts.login_concurrency.enter() else {
        app.parts.metrics.shed("slow_logins");
        return Err((LoginOutcome::Shed, Problem::overloaded()));
    };
    let peppers = app.parts.peppers.all();
    let Some(pepper) = peppers.first() else {
        return Err((LoginOutcome::StoreUnavailable, Problem::internal()));
    };
    let draw = Draw::new(pepper)
        .map_err(|error| (LoginOutcome::StoreUnavailable, app.unavailable("draw a code", &error)))?;
    let network = login.client.network();
    let networks = app.parts.lasting_peppers.network_digests(&login.address, &network);
    let stored = Stored { pepper, network: &network, networks: &networks };
    let outcome = issue(app, &login, stored, &draw).await?;
    match outcome {
        IssueOutcome::Issued(issued) => {
            app.parts.metrics.allowed("login");
            let tightest = issued.tightest;
            hand_over(app, login, &draw, issued).await?;
            Ok((LoginOutcome::Sent, sent(app, draw.challenge, tightest)))
        }
        IssueOutcome::Limited(refusal) => {
            app.parts.metrics.refused(&refusal.policies);
            let entry =
                Entry::new(Event::Limited, Outcome::Refused).address(&login.address).client(login.client);
            app.record(entry.detail(refusal.policy_names()));
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

/// What an issue stores digests with, the client's network, and its digests under every pepper.
struct Stored<'a> {
    pepper: &'a Pepper,
    network: &'a str,
    networks: &'a [HexDigest],
}

async fn issue(
    app: &Arc<App>,
    login: &Login,
    stored: Stored<'_>,
    draw: &Draw,
) -> Result<IssueOutcome, Failure> {
    let Stored { pepper, network, networks } = stored;
    let idempotency = login
        .idempotency_key
        .as_deref()
        .map(|key| (pepper.idempotency_digest(&scoped(key, login)), pepper.fingerprint(&login.address)));
    let request = IssueRequest {
        address: &login.address,
        client: login.client,
        network,
        issue_id: &draw.issue_id,
        digest: &pepper.code_digest(&login.address, draw.code.as_str()),
        kid: pepper.kid(),
        challenge_hash: &challenge_hash(&draw.challenge),
        networks,
        idempotency: idempotency
            .as_ref()
            .map(|(digest, fingerprint)| (digest.as_str(), fingerprint.as_str())),
    };
    app.parts.store.issue(request).await.map_err(|mut error| {
        if let Some(receipt) = error.receipt.take() {
            undo_unseen(app, receipt);
        }
        (LoginOutcome::StoreUnavailable, app.unavailable("issue", &error))
    })
}

/// A key of 16 characters or more is taken for unique. A shorter one, such as a counter, is likely to be used by others
/// as well: it is the key of this address and this client only, so that no one gets the answer to another's request.
fn scoped<'a>(key: &'a str, login: &Login) -> Cow<'a, str> {
    if key.chars().count() >= 16 {
        return Cow::Borrowed(key);
    }
    Cow::Owned([key, login.address.as_str(), &login.client.network()].join("\0"))
}

/// What is drawn for one login.
struct Draw {
    code: Code,
    issue_id: String,
    event_id: EventId,
    challenge: String,
}

impl Draw {
    fn new(pepper: &Pepper) -> Result<Self, crate::random::NoRandomness> {
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
async fn hand_over(app: &Arc<App>, login: Login, draw: &Draw, issued: Issued) -> Result<(), Failure> {
    let settling = Settling::new(app, issued.receipt);
    let contents = Contents {
        to: login.address,
        code: draw.code.as_str().to_owned(),
        ttl_seconds: app.parts.limits.code_ttl.as_secs(),
    };
    let body = match app.parts.sealing.event(&draw.event_id, contents, issued.expires_at_ms) {
        Ok(body) => body,
        Err(error) => {
            settling.take_back(PublishResult::Refused).await;
            return Err((LoginOutcome::PublishRefused, app.unavailable("seal a mail event", &error)));
        }
    };
    let mail = OutgoingMail {
        id: draw.event_id.clone(),
        body,
        issued_at_ms: issued.issued_at_ms,
        expires_at_ms: issued.expires_at_ms,
        wishes: login.wishes,
        trace_parent: request::trace_parent(),
    };
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
    let mut response = response::json(&body);
    if let Some(tightest) = tightest {
        insert_remaining(response.headers_mut(), tightest);
    }
    response
}
