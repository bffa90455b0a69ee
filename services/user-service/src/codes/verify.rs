//! Checking a code: claim it, and then either use it up or release it.

use std::time::Duration;

use ping_contract::{address::EmailAddress, keys};
use redis::Value;
use redis_client::StoreError;

use super::{
    Store,
    reply::{millis, number, numbers, text},
};
use crate::{
    peppers::HexDigest,
    rate_limits::{
        ClientIp, DAY, IN_A_ROW_BEFORE_DAYS, KNOWN_NETWORKS, MEMORY, MOST_IN_A_ROW, Policy, Quota, Refusal,
    },
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
    /// Compare the code with that of the challenge alone, and with none where no challenge came along.
    pub only_challenge: bool,
    /// Pepper id and digest of the try, under every pepper in use.
    pub digests: &'a [(&'a str, String)],
    /// Digest of the client's network beside the mailbox, under every pepper in use, the current one first.
    pub networks: &'a [HexDigest],
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
        /// With this try the client's network has had a third of the wrong codes that it may have.
        network_stands_out: bool,
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
    /// Digest of its client's network beside the mailbox.
    pub network: &'a str,
}

impl Store {
    /// Counts the try, compares it, and claims the code: all or nothing, in one call.
    pub async fn claim(&self, request: ClaimRequest<'_>) -> Result<ClaimOutcome, StoreError> {
        let windows = self.verify_windows(request.client);
        let mut call = self.scripts.claim.prepare_invoke();
        add_claim_keys(&mut call, &request, &windows);
        let tries = self.limits.wrong_tries;
        call.arg(request.request_id).arg(millis(CLAIM));
        call.arg(self.limits.max_attempts).arg(self.limits.stranger_attempts());
        call.arg(request.challenge_hash.unwrap_or_default()).arg(request.client.network());
        call.arg(tries.free_a_day)
            .arg(millis(DAY))
            .arg(millis(tries.first_wait))
            .arg(millis(tries.longest_wait));
        call.arg(IN_A_ROW_BEFORE_DAYS).arg(MOST_IN_A_ROW).arg(millis(MEMORY));
        call.arg(request.networks.len()).arg(windows.len()).arg(request.networks);
        for (quota, _) in &windows {
            call.arg(quota.places).arg(millis(quota.window)).arg("");
        }
        call.arg(request.only_challenge);
        for (kid, digest) in request.digests {
            call.arg(*kid).arg(digest.as_str());
        }
        let answer = self.redis.invoke::<Vec<Value>>(&call).await?;
        claim_outcome(&answer, &windows).ok_or(StoreError::Answer)
    }

    /// Uses the code up, gives the login's place back, and remembers the network. `false`: the claim was lost meanwhile.
    pub async fn consume(&self, claimant: Claimant<'_>, claim: &Claim) -> Result<bool, StoreError> {
        let mut call = self.scripts.consume.prepare_invoke();
        call.key(keys::codes(claimant.address)).key(keys::known_networks(claimant.address));
        call.key(keys::wrong_codes_in_a_row(claimant.address)).key(keys::original_code(claimant.address));
        call.arg(claimant.request_id).arg(claim.slot);
        call.arg(claimant.network).arg(millis(MEMORY)).arg(KNOWN_NETWORKS);
        self.redis.invoke::<i64>(&call).await.map(|settled| settled == 1)
    }

    /// Gives the claim up: the code stays good.
    pub async fn release(&self, claimant: Claimant<'_>, claim: &Claim) -> Result<bool, StoreError> {
        let mut call = self.scripts.release.prepare_invoke();
        call.key(keys::codes(claimant.address)).arg(claimant.request_id).arg(claim.slot);
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

/// The keys in the order of `claim.lua`.
fn add_claim_keys(
    call: &mut redis::ScriptInvocation<'_>,
    request: &ClaimRequest<'_>,
    windows: &[(Quota, String)],
) {
    let everybody = request.address.without_tag();
    let network = request.networks.first().map_or("", String::as_str);
    let known_network = keys::mailbox_and_network(&everybody, network);
    call.key(keys::codes(request.address)).key(keys::known_networks(request.address));
    call.key(keys::wrong_codes_in_a_row(request.address));
    for (policy, subject) in
        [(Policy::VerifyAddress, &*everybody), (Policy::VerifyChallenge, known_network.as_str())]
    {
        call.key(keys::limit(policy.name(), subject)).key(keys::limit_wait(policy.name(), subject));
    }
    call.key(keys::original_code(request.address));
    for (_, key) in windows {
        call.key(key.as_str());
    }
}

fn claim_outcome(answer: &[Value], windows: &[(Quota, String)]) -> Option<ClaimOutcome> {
    match text(answer.first()?)? {
        "claimed" => Some(ClaimOutcome::Claimed(Claim { slot: number(answer.get(1)?)? })),
        "claimed-by-another" => Some(ClaimOutcome::ClaimedByAnother),
        "limited" => {
            let now = number(answer.get(1)?)?;
            let numbers = numbers(&answer[2..])?;
            let policy = |place: i64| match place {
                -1 => Some(Policy::VerifyChallenge),
                0 => Some(Policy::VerifyAddress),
                window => windows.get(usize::try_from(window).ok()? - 1).map(|(quota, _)| quota.policy),
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
            let counted = number(answer.get(3)?)?;
            let network_stands_out = windows.first().is_some_and(|(quota, _)| {
                quota.policy == Policy::VerifyIp && counted == i64::from(quota.places.div_ceil(3))
            });
            Some(ClaimOutcome::Wrong { reason, attempts_remaining, network_stands_out })
        }
        _ => None,
    }
}
