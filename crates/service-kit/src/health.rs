//! Readiness: named checks that the parts of a process set themselves. Liveness asks the process only.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// All checks of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Health {
    checks: Arc<Mutex<BTreeMap<&'static str, Option<String>>>>,
}

/// One part's own check. It starts as not ready, because of `starting`.
#[derive(Debug, Clone)]
pub struct HealthCheck {
    name: &'static str,
    health: Health,
}

impl Health {
    /// No checks: ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check that is not ready until its owner says so.
    #[must_use]
    pub fn register(&self, name: &'static str) -> HealthCheck {
        let check = HealthCheck { name, health: self.clone() };
        check.set_not_ready("starting");
        check
    }

    /// The checks that are not ready, each with its reason; empty = ready.
    #[must_use]
    pub fn not_ready(&self) -> Vec<(&'static str, String)> {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.iter().filter_map(|(name, reason)| Some((*name, reason.clone()?))).collect()
    }

    fn set(&self, name: &'static str, reason: Option<String>) {
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = checks.insert(name, reason.clone());
        drop(checks);
        if previous.as_ref() == Some(&reason) {
            return;
        }
        if let Some(reason) = reason {
            tracing::info!(check = name, %reason, "not ready");
        } else {
            tracing::info!(check = name, "ready");
        }
    }
}

impl HealthCheck {
    /// The part works.
    pub fn set_ready(&self) {
        self.health.set(self.name, None);
    }

    /// The part does not work, because of `reason`, in words for a person.
    pub fn set_not_ready(&self, reason: impl Into<String>) {
        self.health.set(self.name, Some(reason.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::Health;

    #[test]
    fn ready_is_when_every_check_says_so() {
        let health = Health::new();
        assert!(health.not_ready().is_empty());
        let (redis, broker) = (health.register("redis"), health.register("broker"));
        redis.set_ready();
        assert_eq!(health.not_ready(), [("broker", "starting".to_owned())]);
        broker.set_ready();
        assert!(health.not_ready().is_empty());
        redis.set_not_ready("no answer for 5 s");
        assert_eq!(health.not_ready(), [("redis", "no answer for 5 s".to_owned())]);
    }
}
