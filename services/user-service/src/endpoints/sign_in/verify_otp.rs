//! `POST /api/v1/verify-otp`: turns a code into a token, once.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use ping_contract::{address::EmailAddress, synthetic};
use serde::Deserialize;
use utoipa::ToSchema;

use super::grant::{Grant, SignedIn};
use crate::{
    accounts,
    audit::{Entry, Event, Outcome},
    codes::{Claim, ClaimOutcome, ClaimRequest, Claimant, Code, WrongReason},
    endpoints::App,
    http::{
        body::{Field, JsonBody, parse_object},
        problem::Problem,
        rate_limit_headers::insert_policies,
    },
    metrics::VerifyOutcome,
    peppers::challenge_hash,
    random::random_bytes,
    rate_limits::ClientIp,
};

/// The body as it is read. Unknown fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct VerifyRequest<'a> {
    /// Where the code was mailed to.
    #[serde(borrow, default)]
    #[schema(value_type = String)]
    email: Field<'a>,
    /// Six digits; spaces, dashes and dots are ignored.
    #[serde(borrow, default)]
    #[schema(value_type = String)]
    otp: Field<'a>,
    /// What login answered: gives tries of one's own. Must be there with `REQUIRE_CHALLENGE`, and only the code of this login
    /// is accepted then.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    challenge: Field<'a>,
}

/// One try, checked.
#[derive(Debug)]
struct Try {
    address: EmailAddress,
    written: Written,
    code: Code,
    challenge: Option<String>,
}

/// The address as the user wrote it. `Debug` does not print it.
struct Written(String);

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Written")
    }
}

/// Ends of a verification that are no 200, each with what is counted.
type Failure = (VerifyOutcome, Problem);

/// Counts the try, claims the code, finds or makes the person, uses the code up, and only then signs a token.
#[utoipa::path(
    post, path = "/api/v1/verify-otp", tag = "sign-in", request_body = VerifyRequest,
    responses(
        (status = 200, description = "Signed in", body = SignedIn),
        (status = 400, description = "A field is missing, or the code is no good"),
        (status = 429, description = "Too many wrong codes"),
        (status = 503, description = "A server that is needed does not answer; the code stays good"),
    )
)]
pub(super) async fn verify_otp(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<JsonBody, Problem>,
) -> Response {
    let attempt = body.and_then(|body| parse_try(body.bytes())).and_then(|attempt| {
        let lacks = needs_challenge(&app, &attempt) && attempt.challenge.is_none();
        if lacks { Err(Problem::challenge_required()) } else { Ok(attempt) }
    });
    let attempt = attempt.map_err(|problem| (VerifyOutcome::Invalid, problem));
    let result = match attempt {
        Ok(attempt) => sign_in(&app, &attempt, app.client(peer, &headers), &headers).await,
        Err(failure) => Err(failure),
    };
    let (outcome, mut response) = match result {
        Ok(response) => (VerifyOutcome::Ok, response),
        Err((outcome, problem)) => (outcome, problem.into_response()),
    };
    insert_policies(response.headers_mut(), app.verify_policies.as_ref());
    app.parts.metrics.verification(outcome);
    response
}

fn parse_try(body: &[u8]) -> Result<Try, Problem> {
    let request = parse_object::<VerifyRequest<'_>>(body)?;
    let email = request.email.text().ok_or(Problem::fields_required("/email"))?;
    if request.otp == Field::Mistyped {
        return Err(Problem::mistyped_code());
    }
    let otp = request.otp.text().ok_or(Problem::fields_required("/otp"))?;
    if request.challenge == Field::Mistyped {
        return Err(Problem::invalid_challenge());
    }
    let address = EmailAddress::parse(email).map_err(|_| Problem::invalid_address())?;
    // What is not six digits was no guess: nothing to count.
    let code = Code::parse(otp).ok_or(Problem::invalid_code())?;
    let written = Written(email.to_owned());
    Ok(Try { address, written, code, challenge: request.challenge.text().map(str::to_owned) })
}

/// Mails of synthetic sign-ins are not encrypted on their way: whoever reads one can do nothing with the code alone.
fn needs_challenge(app: &App, attempt: &Try) -> bool {
    app.parts.options.require_challenge || synthetic::is_synthetic(&attempt.address)
}

async fn sign_in(
    app: &App,
    attempt: &Try,
    client: ClientIp,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let request_id = random_bytes::<16>().map(hex::encode);
    let request_id = request_id
        .map_err(|error| (VerifyOutcome::Unavailable, app.unavailable("draw a request id", &error)))?;
    let peppers = app.parts.peppers.all();
    let networks = app.parts.lasting_peppers.network_digests(&attempt.address, &client.network());
    let digests = peppers
        .iter()
        .map(|pepper| (pepper.kid(), pepper.code_digest(&attempt.address, attempt.code.as_str())))
        .collect::<Vec<_>>();
    let challenge = attempt.challenge.as_deref().map(challenge_hash);
    let request = ClaimRequest {
        address: &attempt.address,
        client,
        request_id: &request_id,
        challenge_hash: challenge.as_deref(),
        only_challenge: needs_challenge(app, attempt),
        digests: &digests,
        networks: &networks,
    };
    let claim = claim(app, request).await?;
    let network = networks.first().map_or("", String::as_str);
    let claimant = Claimant { address: &attempt.address, request_id: &request_id, network };
    let client = Client { address: client, headers, written: &attempt.written };
    settle(app, claimant, &claim, client).await
}

/// The client that the session is for.
struct Client<'a> {
    address: ClientIp,
    headers: &'a HeaderMap,
    written: &'a Written,
}

/// Turns a claimed code into a session and a token.
async fn settle(
    app: &App,
    claimant: Claimant<'_>,
    claim: &Claim,
    client: Client<'_>,
) -> Result<Response, Failure> {
    let user = match accounts::of_sign_in(&*app.parts.accounts, claimant.address, &client.written.0).await {
        Ok(user) => user,
        Err(error) => {
            let failure = (VerifyOutcome::Unavailable, app.unavailable("find the user", &error));
            release(app, claimant, claim).await;
            return Err(failure);
        }
    };
    let grant = match Grant::begin(app, &user, client.headers).await {
        Ok(grant) => grant,
        Err(problem) => {
            release(app, claimant, claim).await;
            return Err((VerifyOutcome::Unavailable, problem));
        }
    };
    let failure = match app.parts.store.consume(claimant, claim).await {
        Ok(true) => {
            let entry = Entry::new(Event::SignIn, Outcome::Success).user(&user).session(grant.session_id());
            app.record(entry.client(client.address));
            return grant.answer(app, &user).map_err(|problem| (VerifyOutcome::Unavailable, problem));
        }
        Ok(false) => (VerifyOutcome::Busy, Problem::code_in_use()),
        Err(error) => (VerifyOutcome::Unavailable, app.unavailable("use up the code", &error)),
    };
    grant.withdraw(app).await;
    Err(failure)
}

async fn claim(app: &App, request: ClaimRequest<'_>) -> Result<Claim, Failure> {
    let entry = |event, outcome| Entry::new(event, outcome).address(request.address).client(request.client);
    let outcome = app.parts.store.claim(request).await;
    match outcome.map_err(|error| (VerifyOutcome::Unavailable, app.unavailable("claim the code", &error)))? {
        ClaimOutcome::Claimed(claim) => {
            app.parts.metrics.allowed("verify");
            Ok(claim)
        }
        ClaimOutcome::ClaimedByAnother => Err((VerifyOutcome::Busy, Problem::code_in_use())),
        ClaimOutcome::Limited(refusal) => {
            app.parts.metrics.refused(&refusal.policies);
            app.record(entry(Event::Limited, Outcome::Refused).detail(refusal.policy_names()));
            Err((VerifyOutcome::Limited, Problem::too_many_tries(refusal)))
        }
        ClaimOutcome::Wrong { reason, attempts_remaining, network_stands_out } => {
            app.parts.metrics.allowed("verify");
            if network_stands_out {
                app.parts.metrics.wrong_code_network();
            }
            let (outcome, event, detail) = match reason {
                WrongReason::Wrong => (VerifyOutcome::Wrong, Event::WrongCode, "compared"),
                WrongReason::Exhausted => {
                    (VerifyOutcome::Exhausted, Event::AttemptsExhausted, "not_compared")
                }
                WrongReason::Unknown => (VerifyOutcome::Unknown, Event::WrongCode, "no_live_code"),
            };
            app.record(entry(event, Outcome::Failure).detail(detail));
            Err((outcome, Problem::invalid_code().with_attempts_remaining(attempts_remaining)))
        }
    }
}

/// The code stays good. If even this fails, the claim ends by itself.
async fn release(app: &App, claimant: Claimant<'_>, claim: &Claim) {
    if let Err(error) = app.parts.store.release(claimant, claim).await {
        let _ = app.unavailable("release the code", &error);
    }
}

#[cfg(test)]
mod tests;
