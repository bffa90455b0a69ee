//! What the operator counts.

use std::time::Instant;

use service_kit::{
    metrics::{
        Metrics,
        prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    },
    telemetry::chain,
};

use crate::condition_metrics::ConditionMetrics;

/// The operator's metrics. Clones share them.
#[derive(Debug, Clone)]
pub struct OperatorMetrics {
    reconciles: Family<Label, Counter>,
    reconcile_seconds: Histogram,
    api_requests: Counter,
    watch_failures: Family<Label, Counter>,
    topology_changes: Counter,
    leader: Gauge,
    /// What the stacks' conditions are.
    pub conditions: ConditionMetrics,
}

/// How a reconcile ends.
const OUTCOMES: [&str; 8] = [
    "ok",
    "unreadable",
    "deleting",
    "cancelled",
    "dereference_failed",
    "build_failed",
    "apply_failed",
    "update_status_failed",
];

type Label = [(&'static str, &'static str); 1];

impl OperatorMetrics {
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let new = Self {
            reconciles: Family::default(),
            reconcile_seconds: Histogram::new([0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0]),
            api_requests: Counter::default(),
            watch_failures: Family::default(),
            topology_changes: Counter::default(),
            leader: Gauge::default(),
            conditions: ConditionMetrics::default(),
        };
        // What appears with its first count has no increase that an alert could see.
        for outcome in OUTCOMES {
            drop(new.reconciles.get_or_create(&[("outcome", outcome)]));
        }
        metrics.register(|registry| {
            registry.register("ping_operator_reconciles", "Reconciles, by outcome", new.reconciles.clone());
            registry.register(
                "ping_operator_reconcile_seconds",
                "How long a reconcile takes",
                new.reconcile_seconds.clone(),
            );
            registry.register(
                "ping_operator_api_requests",
                "Requests to the Kubernetes API",
                new.api_requests.clone(),
            );
            registry.register(
                "ping_operator_watch_failures",
                "Watches that failed and were started again",
                new.watch_failures.clone(),
            );
            registry.register(
                "ping_operator_topology_changes",
                "Changes to brokers: new objects and corrected drift",
                new.topology_changes.clone(),
            );
            registry.register("ping_operator_leader", "1 on the replica that reconciles", new.leader.clone());
            registry.register_collector(Box::new(new.conditions.clone()));
        });
        new
    }

    /// Starts the clock of a reconcile; what it returns stops it, whichever way the reconcile ends.
    #[must_use]
    pub fn reconcile_started(&self) -> ReconcileTimer {
        ReconcileTimer { metrics: self.clone(), started: Instant::now(), outcome: "cancelled" }
    }

    /// A request to the Kubernetes API.
    pub fn api_requested(&self) {
        self.api_requests.inc();
    }

    /// A watch failed; it is started again by itself.
    pub fn watch_failed(&self, kind: &'static str, error: &dyn std::error::Error) {
        self.watch_failures.get_or_create(&[("kind", kind)]).inc();
        tracing::warn!(kind, error = %chain(error), "watch failed, starting it again");
    }

    /// Changes made to a broker.
    pub fn topology_changed(&self, operations: usize) {
        self.topology_changes.inc_by(u64::try_from(operations).unwrap_or(u64::MAX));
    }

    /// Whether this replica reconciles.
    pub fn set_leader(&self, leader: bool) {
        self.leader.set(i64::from(leader));
    }
}

#[derive(Debug)]
pub struct ReconcileTimer {
    metrics: OperatorMetrics,
    started: Instant,
    outcome: &'static str,
}

impl ReconcileTimer {
    /// Says how it ended.
    pub fn ended(&mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for ReconcileTimer {
    fn drop(&mut self) {
        self.metrics.reconciles.get_or_create(&[("outcome", self.outcome)]).inc();
        self.metrics.reconcile_seconds.observe(self.started.elapsed().as_secs_f64());
    }
}
