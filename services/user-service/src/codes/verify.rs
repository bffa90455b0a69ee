//! Checking a code: claim it, and then either use it up or release it.

use std::time::Duration;

use ping_contract::{address::EmailAddress, keys};
use redis::Value;

use super::{
    Store,
    reply::{millis, number, numbers, text},
};
use crate::{
    rate_limits::{ClientIp, DAY, Policy, Quota, Refusal},
    redis::StoreError,
};

/// How long a claim holds: longer than any request lasts, so that it frees a code only after a crash.
const CLAIM: Duration = Duration::from_secs(10);

/// One try.
#[derive(Debug, Clone, Copy)]
pub struct ClaimRequest<'a> {
    /// Whose code.
    pub address: &'a EmailAddress,
    /// Who tries.
    pub client: ClientIp,
    /// Random, 32 hex digits: who claims.
    pub request_id: &'a str,
    /// Of the challenge that came along, if any.
    pub challenge_hash: Option<&'a str>,
    /// Pepper id and digest of the try, under every pepper in use.
    pub digests: &'a [(&'a str, String)],
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The right code, held for this request.
    Claimed(Claim),
    /// The right code, held for another request; not counted.
    ClaimedByAnother,
    /// Too many wrong codes before; not compared, not counted.
    Limited(Refusal),
    /// Not a good code.
    Wrong {
        /// For the metric, never for the client.
        reason: WrongReason,
        /// Tries left, if the right challenge came along.
        attempts_remaining: Option<u32>,
    },
}

/// A code held for one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    slot: i64,
}

/// Why a code is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongReason {
    /// Compared, and another.
    Wrong,
    /// There are live codes, whose tries are used up.
    Exhausted,
    /// There is no live code.
    Unknown,
}

/// Who holds a claim on whose code.
#[derive(Debug, Clone, Copy)]
pub struct Claimant<'a> {
    /// Whose code.
    pub address: &'a EmailAddress,
    /// The request that claimed.
    pub request_id: &'a str,
}

impl Store {
    /// Counts the try, compares it, and claims the code: all or nothing, in one call.
    pub async fn claim(&self, request: ClaimRequest<'_>) -> Result<ClaimOutcome, StoreError> {
        let windows = self.verify_windows(request.client);
        let mailbox = request.address.without_tag();
        let mut call = self.scripts.claim.prepare_invoke();
        call.key(keys::code(request.address));
        for policy in [Policy::VerifyAddress, Policy::VerifyChallenge] {
            call.key(keys::limit(policy.name(), &mailbox)).key(keys::limit_wait(policy.name(), &mailbox));
        }
        for (_, key) in &windows {
            call.key(key.as_str());
        }
        let tries = self.limits.wrong_tries;
        call.arg(request.request_id).arg(millis(CLAIM)).arg(self.limits.max_attempts);
        call.arg(request.challenge_hash.unwrap_or_default());
        call.arg(tries.free_a_day).arg(millis(DAY)).arg(millis(tries.first_wait));
        call.arg(millis(tries.longest_wait)).arg(windows.len());
        for (quota, _) in &windows {
            call.arg(quota.places).arg(millis(quota.window));
        }
        for (kid, digest) in request.digests {
            call.arg(*kid).arg(digest.as_str());
        }
        let answer = self.redis.invoke::<Vec<Value>>(&call).await?;
        let with_challenge = request.challenge_hash.is_some();
        claim_outcome(&answer, &windows, with_challenge).ok_or(StoreError::Answer)
    }

    /// Uses the code up and gives the login's place back. `false`: the claim was lost meanwhile.
    pub async fn consume(&self, claimant: Claimant<'_>, claim: &Claim) -> Result<bool, StoreError> {
        self.settle(&self.scripts.consume, claimant, claim).await
    }

    /// Gives the claim up: the code stays good.
    pub async fn release(&self, claimant: Claimant<'_>, claim: &Claim) -> Result<bool, StoreError> {
        self.settle(&self.scripts.release, claimant, claim).await
    }

    async fn settle(
        &self,
        script: &redis::Script,
        claimant: Claimant<'_>,
        claim: &Claim,
    ) -> Result<bool, StoreError> {
        let mut call = script.prepare_invoke();
        call.key(keys::code(claimant.address)).arg(claimant.request_id).arg(claim.slot);
        self.redis.invoke::<i64>(&call).await.map(|settled| settled == 1)
    }

    fn verify_windows(&self, client: ClientIp) -> Vec<(Quota, String)> {
        let subject = |policy| match policy {
            Policy::VerifyNetwork => client.wide_network(),
            _ => Some(client.network()),
        };
        let key = |quota: &Quota| Some((*quota, keys::limit(quota.policy.name(), &subject(quota.policy)?)));
        self.limits.verify.iter().filter_map(key).collect()
    }
}

fn claim_outcome(
    answer: &[Value],
    windows: &[(Quota, String)],
    with_challenge: bool,
) -> Option<ClaimOutcome> {
    match text(answer.first()?)? {
        "claimed" => Some(ClaimOutcome::Claimed(Claim { slot: number(answer.get(1)?)? })),
        "claimed-by-another" => Some(ClaimOutcome::ClaimedByAnother),
        "limited" => {
            let now = number(answer.get(1)?)?;
            let numbers = numbers(&answer[2..])?;
            let wait = if with_challenge { Policy::VerifyChallenge } else { Policy::VerifyAddress };
            let policy = |place: i64| match usize::try_from(place).ok()?.checked_sub(1) {
                None => Some(wait),
                Some(window) => windows.get(window).map(|(quota, _)| quota.policy),
            };
            let ends = numbers.chunks_exact(2).map(|end| Some((policy(end[0])?, end[1])));
            Refusal::from_ends(&ends.collect::<Option<Vec<_>>>()?, now).map(ClaimOutcome::Limited)
        }
        "wrong" => {
            let reason = match text(answer.get(1)?)? {
                "wrong" => WrongReason::Wrong,
                "exhausted" => WrongReason::Exhausted,
                _ => WrongReason::Unknown,
            };
            let attempts_remaining = u32::try_from(number(answer.get(2)?)?).ok();
            Some(ClaimOutcome::Wrong { reason, attempts_remaining })
        }
        _ => None,
    }
}
