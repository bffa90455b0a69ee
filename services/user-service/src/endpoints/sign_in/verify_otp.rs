//! `POST /api/v1/verify-otp`: turns a code into a token, once.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use ping_contract::address::EmailAddress;
use serde::Deserialize;
use utoipa::ToSchema;

use super::grant::{Grant, SignedIn};
use crate::{
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
    /// Six digits; spaces and dashes are ignored.
    #[serde(borrow, default)]
    #[schema(value_type = String)]
    otp: Field<'a>,
    /// What login answered: gives tries of one's own.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    challenge: Field<'a>,
}

/// One try, checked.
#[derive(Debug)]
struct Try {
    address: EmailAddress,
    code: Code,
    challenge: Option<String>,
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
    let attempt =
        body.and_then(|body| parse_try(body.bytes())).map_err(|problem| (VerifyOutcome::Invalid, problem));
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
    let otp = request.otp.text().ok_or(Problem::fields_required("/otp"))?;
    if request.challenge == Field::Mistyped {
        return Err(Problem::invalid_challenge());
    }
    let address = EmailAddress::parse(email).map_err(|_| Problem::invalid_address())?;
    // What is not six digits was no guess: nothing to count.
    let code = Code::parse(otp).ok_or(Problem::invalid_code())?;
    Ok(Try { address, code, challenge: request.challenge.text().map(str::to_owned) })
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
    let claim = claim(app, attempt, client, &request_id).await?;
    let claimant = Claimant { address: &attempt.address, request_id: &request_id };
    let user = match app.parts.accounts.find_or_make(&attempt.address).await {
        Ok(user) => user,
        Err(error) => {
            let failure = (VerifyOutcome::Unavailable, app.unavailable("find the user", &error));
            release(app, claimant, &claim).await;
            return Err(failure);
        }
    };
    let grant = match Grant::begin(app, &user, headers).await {
        Ok(grant) => grant,
        Err(problem) => {
            release(app, claimant, &claim).await;
            return Err((VerifyOutcome::Unavailable, problem));
        }
    };
    let failure = match app.parts.store.consume(claimant, &claim).await {
        Ok(true) => return grant.answer(app, &user).map_err(|problem| (VerifyOutcome::Unavailable, problem)),
        Ok(false) => (VerifyOutcome::Busy, Problem::code_in_use()),
        Err(error) => (VerifyOutcome::Unavailable, app.unavailable("use up the code", &error)),
    };
    grant.withdraw(app).await;
    Err(failure)
}

async fn claim(app: &App, attempt: &Try, client: ClientIp, request_id: &str) -> Result<Claim, Failure> {
    let peppers = app.parts.peppers.all();
    let digests = peppers
        .iter()
        .map(|pepper| (pepper.kid(), pepper.code_digest(&attempt.address, attempt.code.as_str())))
        .collect::<Vec<_>>();
    let challenge = attempt.challenge.as_deref().map(challenge_hash);
    let request = ClaimRequest {
        address: &attempt.address,
        client,
        request_id,
        challenge_hash: challenge.as_deref(),
        digests: &digests,
    };
    let outcome = app.parts.store.claim(request).await;
    match outcome.map_err(|error| (VerifyOutcome::Unavailable, app.unavailable("claim the code", &error)))? {
        ClaimOutcome::Claimed(claim) => {
            app.parts.metrics.allowed("verify");
            Ok(claim)
        }
        ClaimOutcome::ClaimedByAnother => Err((VerifyOutcome::Busy, Problem::code_in_use())),
        ClaimOutcome::Limited(refusal) => {
            app.parts.metrics.refused(&refusal.policies);
            Err((VerifyOutcome::Limited, Problem::too_many_tries(refusal)))
        }
        ClaimOutcome::Wrong { reason, attempts_remaining } => {
            app.parts.metrics.allowed("verify");
            let outcome = match reason {
                WrongReason::Wrong => VerifyOutcome::Wrong,
                WrongReason::Exhausted => VerifyOutcome::Exhausted,
                WrongReason::Unknown => VerifyOutcome::Unknown,
            };
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
