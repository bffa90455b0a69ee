//! What is counted, without addresses, codes or ids.

use service_kit::metrics::{
    Metrics,
    prometheus_client::metrics::{counter::Counter, family::Family},
};

use crate::rate_limits::Policy;

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Declares what can become of something, with the labels: a new case cannot be left out of the counters that begin at 0.
macro_rules! outcomes {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $label:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$case_doc])* $case,)+ }

        impl $name {
            const LABELS: &[&'static str] = &[$($label),+];

            const fn label(self) -> &'static str {
                match self { $(Self::$case => $label,)+ }
            }
        }
    };
}

outcomes! {
    /// What became of a login.
    LoginOutcome {
        /// 200: confirmed by the broker.
        Sent = "sent",
        /// 200 again, to the same `Idempotency-Key`.
        Replayed = "replayed",
        /// 429.
        Limited = "limited",
        /// 400, 413, 415.
        Invalid = "invalid",
        /// 409 or 422: about its `Idempotency-Key`.
        Conflict = "conflict",
        /// 503: the store did not answer.
        StoreUnavailable = "store_unavailable",
        /// 503: the broker refused; taken back.
        PublishRefused = "publish_refused",
        /// 503: the broker did not say; the code stays good.
        PublishUnknown = "publish_unknown",
        /// 503 before any work: Redis or the broker answer slowly.
        Shed = "shed",
        /// The client went away before the answer.
        Abandoned = "abandoned",
    }
}

outcomes! {
    /// What became of a verification.
    VerifyOutcome {
        /// 200.
        Ok = "ok",
        /// 400: not the code.
        Wrong = "wrong",
        /// 400: its tries are used up.
        Exhausted = "exhausted",
        /// 400: there is no live code.
        Unknown = "unknown",
        /// 400, 413, 415: not even six digits.
        Invalid = "invalid",
        /// 429.
        Limited = "limited",
        /// 503: claimed by another request.
        Busy = "busy",
        /// 503: the store or the directory did not answer.
        Unavailable = "unavailable",
    }
}

outcomes! {
    /// What became of a refresh token.
    RefreshOutcome {
        /// 200.
        Ok = "ok",
        /// 401: no such session any more.
        Unknown = "unknown",
        /// 401: used before; its session is ended.
        Reused = "reused",
        /// 503, or a token that could not be signed.
        Unavailable = "unavailable",
    }
}

/// The counters of this service. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct ServiceMetrics {
    logins: Family<Labels<1>, Counter>,
    verifications: Family<Labels<1>, Counter>,
    refreshes: Family<Labels<1>, Counter>,
    decisions: Family<Labels<2>, Counter>,
    wrong_code_networks: Counter,
    shed: Family<Labels<1>, Counter>,
    untrusted_proxies: Counter,
    redis_connections: Counter,
    audit_lines_dropped: Counter,
}

impl ServiceMetrics {
    /// Registers all of them.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let counters = Self::default();
        counters.begin_at_zero();
        metrics.register(|registry| {
            registry.register("ping_login_requests", "Logins by outcome", counters.logins.clone());
            let help = "Verifications by outcome";
            registry.register("ping_login_verifications", help, counters.verifications.clone());
            let help = "Refresh tokens by outcome";
            registry.register("ping_token_refreshes", help, counters.refreshes.clone());
            let help = "Refusals by the policy that had no place left, and what passed";
            registry.register("ping_ratelimit_decisions", help, counters.decisions.clone());
            let help = "Client networks that had a third of the wrong codes that LOGIN_WRONG_PER_IP allows in a window";
            registry.register("ping_wrong_code_networks", help, counters.wrong_code_networks.clone());
            let help = "Requests turned away before any work, by reason";
            registry.register("ping_http_requests_shed", help, counters.shed.clone());
            let help = "Requests of a private peer that sent X-Forwarded-For and is not in TRUSTED_PROXIES";
            registry.register("ping_untrusted_forwarded", help, counters.untrusted_proxies.clone());
            let help =
                "Lines of the audit log that were dropped because they could not be written fast enough";
            registry.register("ping_audit_lines_dropped", help, counters.audit_lines_dropped.clone());
            let help = "Connections to Redis that were made, the first one included";
            registry.register("ping_redis_connections", help, counters.redis_connections.clone());
        });
        counters
    }

    /// What appears with its first count has no increase that an alert could see.
    fn begin_at_zero(&self) {
        let families = [
            (&self.logins, LoginOutcome::LABELS),
            (&self.verifications, VerifyOutcome::LABELS),
            (&self.refreshes, RefreshOutcome::LABELS),
        ];
        for (family, labels) in families {
            for label in labels {
                drop(family.get_or_create(&[("outcome", label)]));
            }
        }
        for reason in ["in_flight", "slow_logins", "deadline"] {
            drop(self.shed.get_or_create(&[("reason", reason)]));
        }
        for path in ["login", "verify"] {
            drop(self.decisions.get_or_create(&[("policy", path), ("decision", "allow")]));
        }
        for policy in Policy::ALL {
            drop(self.decisions.get_or_create(&[("policy", policy.name()), ("decision", "refuse")]));
        }
    }

    /// Counts a login.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins.get_or_create(&[("outcome", outcome.label())]).inc();
    }

    /// Counts a verification.
    pub fn verification(&self, outcome: VerifyOutcome) {
        self.verifications.get_or_create(&[("outcome", outcome.label())]).inc();
    }

    /// Counts a refresh.
    pub fn refresh(&self, outcome: RefreshOutcome) {
        self.refreshes.get_or_create(&[("outcome", outcome.label())]).inc();
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

    /// Counts a client network that has had a third of its wrong codes, once in each of its windows.
    pub fn wrong_code_network(&self) {
        self.wrong_code_networks.inc();
    }

    /// Counts a request that was shed: `in_flight`, `slow_logins` or `deadline`.
    pub fn shed(&self, reason: &'static str) {
        self.shed.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts a request of a proxy that nobody named.
    pub fn untrusted_proxy(&self) {
        self.untrusted_proxies.inc();
    }

    /// Counts a line of the audit log that is lost.
    pub fn audit_line_dropped(&self) {
        self.audit_lines_dropped.inc();
    }

    /// Counts a new connection to Redis.
    pub fn redis_connected(&self) {
        self.redis_connections.inc();
    }
}

#[cfg(test)]
mod tests {
    use service_kit::metrics::Metrics;

    use super::ServiceMetrics;

    // In a runtime, whose tasks are counted too.
    #[tokio::test]
    async fn the_table_in_the_docs_is_that_of_the_registry() {
        let registry = Metrics::new("user-service", "0");
        let _metrics = ServiceMetrics::new(&registry);
        test_kit::documents::assert_metrics("user-service", &registry.encode(), &format!("{registry:?}"));
    }
}
