//! What is counted, without addresses, codes or ids.

use service_kit::metrics::{
    Metrics,
    prometheus_client::metrics::{counter::Counter, family::Family},
};

use crate::limits::Policy;

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// What became of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOutcome {
    /// 200: confirmed by the broker.
    Sent,
    /// 200 again, to the same `Idempotency-Key`.
    Replayed,
    /// 429.
    Limited,
    /// 400, 413, 415.
    Invalid,
    /// 409 or 422: about its `Idempotency-Key`.
    Conflict,
    /// 503: the store did not answer.
    StoreUnavailable,
    /// 503: the broker refused; taken back.
    PublishRefused,
    /// 503: the broker did not say; the code stays good.
    PublishUnknown,
    /// The client went away before the answer.
    Abandoned,
}

/// What became of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyOutcome {
    /// 200.
    Ok,
    /// 400: not the code.
    Wrong,
    /// 400: its tries are used up.
    Exhausted,
    /// 400: there is no live code.
    Unknown,
    /// 400, 413, 415: not even six digits.
    Invalid,
    /// 429.
    Limited,
    /// 503: claimed by another request.
    Busy,
    /// 503: the store or the directory did not answer.
    Unavailable,
}

/// What became of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// 200.
    Ok,
    /// 401: no such session any more.
    Unknown,
    /// 401: used before; its session is ended.
    Reused,
    /// 503, or a token that could not be signed.
    Unavailable,
}

/// The counters of this service. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct ServiceMetrics {
    logins: Family<Labels<1>, Counter>,
    verifications: Family<Labels<1>, Counter>,
    refreshes: Family<Labels<1>, Counter>,
    decisions: Family<Labels<2>, Counter>,
    shed: Family<Labels<1>, Counter>,
    untrusted_proxies: Counter,
    redis_connections: Counter,
}

impl ServiceMetrics {
    /// Registers all of them.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let counters = Self::default();
        metrics.register(|registry| {
            registry.register("ping_login_requests", "Logins by outcome", counters.logins.clone());
            let help = "Verifications by outcome";
            registry.register("ping_login_verifications", help, counters.verifications.clone());
            let help = "Refresh tokens by outcome";
            registry.register("ping_token_refreshes", help, counters.refreshes.clone());
            let help = "Refusals by the policy that had no place left, and what passed";
            registry.register("ping_ratelimit_decisions", help, counters.decisions.clone());
            let help = "Requests turned away before any work, by reason";
            registry.register("ping_http_requests_shed", help, counters.shed.clone());
            let help = "Requests of a private peer that sent X-Forwarded-For and is not in TRUSTED_PROXIES";
            registry.register("ping_untrusted_forwarded", help, counters.untrusted_proxies.clone());
            let help = "Connections to Redis that were made, the first one included";
            registry.register("ping_redis_connections", help, counters.redis_connections.clone());
        });
        counters
    }

    /// Counts a login.
    pub fn login(&self, outcome: LoginOutcome) {
        let label = match outcome {
            LoginOutcome::Sent => "sent",
            LoginOutcome::Replayed => "replayed",
            LoginOutcome::Limited => "limited",
            LoginOutcome::Invalid => "invalid",
            LoginOutcome::Conflict => "conflict",
            LoginOutcome::StoreUnavailable => "store_unavailable",
            LoginOutcome::PublishRefused => "publish_refused",
            LoginOutcome::PublishUnknown => "publish_unknown",
            LoginOutcome::Abandoned => "abandoned",
        };
        self.logins.get_or_create(&[("outcome", label)]).inc();
    }

    /// Counts a verification.
    pub fn verification(&self, outcome: VerifyOutcome) {
        let label = match outcome {
            VerifyOutcome::Ok => "ok",
            VerifyOutcome::Wrong => "wrong",
            VerifyOutcome::Exhausted => "exhausted",
            VerifyOutcome::Unknown => "unknown",
            VerifyOutcome::Invalid => "invalid",
            VerifyOutcome::Limited => "limited",
            VerifyOutcome::Busy => "busy",
            VerifyOutcome::Unavailable => "unavailable",
        };
        self.verifications.get_or_create(&[("outcome", label)]).inc();
    }

    /// Counts a refresh.
    pub fn refresh(&self, outcome: RefreshOutcome) {
        let label = match outcome {
            RefreshOutcome::Ok => "ok",
            RefreshOutcome::Unknown => "unknown",
            RefreshOutcome::Reused => "reused",
            RefreshOutcome::Unavailable => "unavailable",
        };
        self.refreshes.get_or_create(&[("outcome", label)]).inc();
    }

    /// Counts a request that every policy let pass (`path` is login or verify).
    pub fn allowed(&self, path: &'static str) {
        self.decisions.get_or_create(&[("policy", path), ("decision", "allow")]).inc();
    }

    /// Counts a refusal, once for each policy without a place.
    pub fn refused(&self, policies: &[Policy]) {
        for policy in policies {
            self.decisions.get_or_create(&[("policy", policy.name()), ("decision", "refuse")]).inc();
        }
    }

    /// Counts a request that was shed: `in_flight` or `deadline`.
    pub fn shed(&self, reason: &'static str) {
        self.shed.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts a request of a proxy that nobody named.
    pub fn untrusted_proxy(&self) {
        self.untrusted_proxies.inc();
    }

    /// Counts a new connection to Redis.
    pub fn redis_connected(&self) {
        self.redis_connections.inc();
    }
}
