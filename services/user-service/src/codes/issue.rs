//! Issuing a code.

use ping_contract::{address::EmailAddress, keys};
use redis::Value;
use redis_client::StoreError;

use super::{
    Receipt, Store,
    reply::{millis, number, numbers, numbers_in, text},
};
use crate::{
    peppers::HexDigest,
    rate_limits::{ClientIp, Policy, Quota, Refusal, Remaining, seconds_until},
};

/// How long "in flight" is believed of an `Idempotency-Key`: longer than any request lasts.
const IN_FLIGHT_MS: u64 = 30_000;

/// One login that shall get a code.
#[derive(Debug, Clone, Copy)]
pub struct IssueRequest<'a> {
    /// Who gets the mail.
    pub address: &'a EmailAddress,
    /// Who asks.
    pub client: ClientIp,
    /// [`ClientIp::network`] of it.
    pub network: &'a str,
    /// Random, 32 hex digits: whose issue it is.
    pub issue_id: &'a str,
    /// Of the code.
    pub digest: &'a str,
    /// Id of the pepper.
    pub kid: &'a str,
    /// Of the challenge.
    pub challenge_hash: &'a str,
    /// Digest of the client's network beside the mailbox, under every pepper in use, the current one first.
    pub networks: &'a [HexDigest],
    /// Digest of the `Idempotency-Key` and fingerprint of the body, if the request has one.
    pub idempotency: Option<(&'a str, &'a str)>,
}

/// What became of it.
#[derive(Debug)]
pub enum IssueOutcome {
    /// The code is live and counted.
    Issued(Issued),
    /// A policy has no place left; nothing was counted.
    Limited(Refusal),
    /// The same request was answered 200 before: the ids to make its answer again.
    Replay {
        /// Of that issue.
        issue_id: String,
        /// Pepper of its challenge.
        kid: String,
    },
    /// The same request is not answered yet.
    InFlight,
    /// The key was used with another body.
    OtherBody,
}

/// Redis gave no usable answer to an issue.
#[derive(Debug, thiserror::Error)]
#[error("the code could not be issued")]
pub struct IssueError {
    /// Why.
    #[source]
    pub source: StoreError,
    /// What undoes the issue, if it may have happened, or still happen, unseen.
    pub receipt: Option<Receipt>,
}

/// A live code whose mail is not confirmed yet.
#[derive(Debug)]
pub struct Issued {
    /// When the code was made: Unix milliseconds on Redis' clock.
    pub issued_at_ms: i64,
    /// When the code dies: Unix milliseconds on Redis' clock.
    pub expires_at_ms: i64,
    /// The policy with the fewest places left.
    pub tightest: Option<Remaining>,
    /// What undoes it.
    pub receipt: Receipt,
}

/// The keys of one login, in the order of the scripts.
#[derive(Debug)]
pub(super) struct IssueKeys {
    codes: String,
    known_networks: String,
    original_code: String,
    pub(super) resend: Vec<String>,
    pub(super) windows: Vec<(Quota, String)>,
    pub(super) idempotency: Option<String>,
}

impl Store {
    /// Checks every limit, counts, and makes the code live: all or nothing, in one call.
    pub async fn issue(&self, request: IssueRequest<'_>) -> Result<IssueOutcome, IssueError> {
        let keys = self.issue_keys(&request);
        let mut call = self.scripts.issue.prepare_invoke();
        keys.add_to(&mut call);
        call.arg(request.issue_id).arg(request.digest).arg(request.kid).arg(request.challenge_hash);
        call.arg(millis(self.limits.code_ttl)).arg(millis(self.limits.resend_after)).arg(request.network);
        call.arg(keys.resend.len()).arg(keys.windows.len());
        call.arg(request.idempotency.map_or("", |(_, fingerprint)| fingerprint)).arg(IN_FLIGHT_MS);
        call.arg(self.limits.max_attempts).arg(request.networks.len()).arg(request.networks);
        for (quota, _) in &keys.windows {
            call.arg(quota.places).arg(millis(quota.window)).arg(kind_of_window(quota.policy));
        }
        match self.redis.invoke::<Vec<Value>>(&call).await {
            Ok(answer) => self
                .issue_outcome(&answer, keys, &request)
                .ok_or(IssueError { source: StoreError::Answer, receipt: None }),
            Err(source) => {
                let unseen = matches!(source, StoreError::TimedOut | StoreError::ConnectionLost);
                let receipt = unseen.then(|| Receipt {
                    issue_id: request.issue_id.to_owned(),
                    keys,
                    ends: Vec::new(), // not known, so the windows stay counted
                    idempotency_value: None,
                });
                Err(IssueError { source, receipt })
            }
        }
    }

    fn issue_keys(&self, request: &IssueRequest<'_>) -> IssueKeys {
        let mailbox = request.address.without_tag();
        let wide = request.client.wide_network();
        let digest = request.networks.first().map_or("", String::as_str);
        let mailbox_here = keys::mailbox_and_network(&mailbox, digest);
        let subject = |policy| match policy {
            Policy::LoginIp => Some(request.network),
            Policy::LoginNetwork => wide.as_deref(),
            Policy::LoginAddress | Policy::LoginAddressDay => Some(mailbox_here.as_str()),
            _ => Some(mailbox.as_str()),
        };
        let windows = self
            .limits
            .login
            .iter()
            .filter_map(|quota| Some((*quota, keys::limit(quota.policy.name(), subject(quota.policy)?))));
        let mut resend = Vec::with_capacity(2);
        if !self.limits.resend_after.is_zero() {
            resend.push(keys::resend_limit(request.address));
            if mailbox != request.address.as_str() {
                resend.push(keys::mailbox_resend_limit(&mailbox));
            }
        }
        IssueKeys {
            codes: keys::codes(request.address),
            known_networks: keys::known_networks(request.address),
            original_code: keys::original_code(request.address),
            resend,
            windows: windows.collect(),
            idempotency: request.idempotency.map(|(digest, _)| keys::idempotency(digest)),
        }
    }

    fn issue_outcome(
        &self,
        answer: &[Value],
        keys: IssueKeys,
        request: &IssueRequest<'_>,
    ) -> Option<IssueOutcome> {
        match text(answer.first()?)? {
            "issued" => {
                let now = number(answer.get(1)?)?;
                let numbers = numbers_in(text(answer.get(2)?)?)?;
                let windows = keys.windows.iter().zip(numbers.chunks_exact(2));
                let windows = windows.filter(|(_, counted)| counted[1] > 0); // those that count this client
                let remaining = windows.map(|((quota, _), counted)| Remaining {
                    policy: quota.policy,
                    places: quota.places.saturating_sub(u32::try_from(counted[0]).unwrap_or(u32::MAX)),
                    seconds: seconds_until(counted[1], now),
                });
                let tightest = self.resend_pause().into_iter().chain(remaining).min_by_key(|r| r.places);
                let ends = numbers.chunks_exact(2).map(|counted| counted[1]).collect();
                let expires_at_ms = now + i64::try_from(self.limits.code_ttl.as_millis()).ok()?;
                let idempotency_value = request.idempotency.map(|(_, fingerprint)| {
                    format!("{fingerprint} sent {} {}", request.issue_id, request.kid)
                });
                let receipt =
                    Receipt { issue_id: request.issue_id.to_owned(), keys, ends, idempotency_value };
                Some(IssueOutcome::Issued(Issued { issued_at_ms: now, expires_at_ms, tightest, receipt }))
            }
            "limited" => {
                let now = number(answer.get(1)?)?;
                let numbers = numbers(&answer[2..])?;
                let policy = |place: i64| match usize::try_from(place).ok()?.checked_sub(1) {
                    None => Some(Policy::LoginResend),
                    Some(window) => keys.windows.get(window).map(|(quota, _)| quota.policy),
                };
                let ends = numbers.chunks_exact(2).map(|end| Some((policy(end[0])?, end[1])));
                Refusal::from_ends(&ends.collect::<Option<Vec<_>>>()?, now).map(IssueOutcome::Limited)
            }
            "replay" => Some(IssueOutcome::Replay {
                issue_id: text(answer.get(1)?)?.to_owned(),
                kid: text(answer.get(2)?)?.to_owned(),
            }),
            "in-flight" => Some(IssueOutcome::InFlight),
            "other-body" => Some(IssueOutcome::OtherBody),
            _ => None,
        }
    }

    fn resend_pause(&self) -> Option<Remaining> {
        let seconds = self.limits.resend_after.as_secs();
        (seconds > 0).then_some(Remaining { policy: Policy::LoginResend, places: 0, seconds })
    }
}

impl IssueKeys {
    pub(super) fn add_to(&self, call: &mut redis::ScriptInvocation<'_>) {
        call.key(self.codes.as_str()).key(self.known_networks.as_str()).key(self.original_code.as_str());
        for key in self.resend.iter().chain(self.windows.iter().map(|(_, key)| key)).chain(&self.idempotency)
        {
            call.key(key.as_str());
        }
    }
}

/// What is special about a window, as `windows.lua` names it. A verified login gives the client's place back, because
/// offices sign in from behind one address.
fn kind_of_window(policy: Policy) -> &'static str {
    match policy {
        Policy::LoginIp | Policy::LoginNetwork => "refund",
        Policy::LoginAddressAll | Policy::LoginAddressAllDay => "others",
        _ => "",
    }
}
