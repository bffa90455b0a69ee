//! Which servers a process can use, and whether the process is ready. An outage changes the first and not the second.
//!
//! Each part of a process owns a named check and sets it as its server comes and goes. A process is ready once all of
//! its required checks have been usable once, and stays ready until it drains. All replicas share their servers: if
//! an outage made them unready, the load balancer would have nobody left to send a request to, and clients would see
//! a refused connection instead of the 503 with `Retry-After` that each replica can still answer.
//!
//! Liveness depends on none of this.

mod report;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

pub use report::{CheckReport, HealthReport};

/// A longer message is cut off.
const MAX_MESSAGE_CHARACTERS: usize = 512;

/// All checks of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Health {
    state: Arc<Mutex<State>>,
    now: fn() -> SystemTime,
}

/// One part's own check. It starts as not usable, with the reason `Starting`.
#[derive(Debug, Clone)]
pub struct HealthCheck {
    name: &'static str,
    health: Health,
}

/// A point in time that the report shows once it has been marked.
#[derive(Debug, Clone)]
pub struct Moment {
    name: &'static str,
    health: Health,
}

/// What a check means for readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirement {
    /// The process is ready only while the check is usable.
    Always,
    /// The process is not ready before the check has been usable once.
    Once,
    /// Readiness does not depend on the check.
    Never,
}

#[derive(Debug, Default)]
struct State {
    checks: BTreeMap<&'static str, Check>,
    moments: BTreeMap<&'static str, SystemTime>,
}

#[derive(Debug)]
struct Check {
    requirement: Requirement,
    was_usable: bool,
    /// Since when `trouble` has its reason, or is `None`.
    since: SystemTime,
    trouble: Option<Trouble>,
}

/// Why something cannot be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    reason: &'static str,
    message: Cow<'static, str>,
}

impl Default for Health {
    fn default() -> Self {
        Self { state: Arc::default(), now: SystemTime::now }
    }
}

impl Health {
    /// No checks: ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check that must be usable once before the process is ready.
    #[must_use]
    pub fn require(&self, name: &'static str) -> HealthCheck {
        self.add(name, Requirement::Once)
    }

    /// Adds a check without which the process is not ready, at any time: for what no other replica shares.
    #[must_use]
    pub fn require_always(&self, name: &'static str) -> HealthCheck {
        self.add(name, Requirement::Always)
    }

    /// Adds a check that is reported and does not influence readiness.
    #[must_use]
    pub fn observe(&self, name: &'static str) -> HealthCheck {
        self.add(name, Requirement::Never)
    }

    /// Adds a point in time to the report, under this field name.
    #[must_use]
    pub fn moment(&self, name: &'static str) -> Moment {
        Moment { name, health: self.clone() }
    }

    /// The required checks that keep the process from being ready, each with its message; empty when it is ready.
    #[must_use]
    pub fn not_ready(&self) -> Vec<(&'static str, String)> {
        self.with(|state| {
            let missing = state.checks.iter().filter(|(_, check)| check.prevents_readiness());
            missing.map(|(name, check)| (*name, check.message().to_owned())).collect()
        })
    }

    /// Everything that `/readyz?verbose` answers. A process that drains is not ready.
    #[must_use]
    pub fn report(&self, draining: bool) -> HealthReport {
        self.with(|state| HealthReport::new(state, draining))
    }

    fn add(&self, name: &'static str, requirement: Requirement) -> HealthCheck {
        let trouble = Trouble { reason: "Starting", message: Cow::Borrowed("starting") };
        let check = Check { requirement, was_usable: false, since: (self.now)(), trouble: Some(trouble) };
        self.with(|state| state.checks.insert(name, check));
        HealthCheck { name, health: self.clone() }
    }

    /// Logs what changed, once for each change.
    fn set(&self, name: &'static str, trouble: Option<Trouble>) {
        let now = (self.now)();
        let (changed, became_ready) = self.with(|state| {
            let ready = state.is_ready();
            let changed = state.checks.get_mut(name).is_some_and(|check| check.set(trouble.as_ref(), now));
            (changed, !ready && state.is_ready())
        });
        match trouble {
            _ if !changed => {}
            None => tracing::info!(check = name, "usable"),
            Some(Trouble { reason, message }) => {
                tracing::warn!(check = name, reason, %message, "not usable");
            }
        }
        if became_ready {
            tracing::info!("ready");
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HealthCheck {
    /// The server can be used.
    pub fn set_usable(&self) {
        self.health.set(self.name, None);
    }

    /// The server cannot be used now.
    ///
    /// `reason` becomes a condition's reason, in the form `RedisUnreachable`. `message` says what is wrong and what to
    /// do, in words of our own: it may hold no secret, no user's address and no server's words.
    pub fn set_unusable(&self, reason: &'static str, message: impl Into<Cow<'static, str>>) {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE_CHARACTERS) {
            message.to_mut().truncate(end);
        }
        self.health.set(self.name, Some(Trouble { reason, message }));
    }
}

impl Moment {
    /// It happened now.
    pub fn mark(&self) {
        let now = (self.health.now)();
        self.health.with(|state| state.moments.insert(self.name, now));
    }
}

impl State {
    fn is_ready(&self) -> bool {
        !self.checks.values().any(Check::prevents_readiness)
    }
}

impl Check {
    /// Whether this changes more than the message.
    fn set(&mut self, trouble: Option<&Trouble>, now: SystemTime) -> bool {
        let reason = |trouble: Option<&Trouble>| trouble.map(|trouble| trouble.reason);
        let changed = reason(self.trouble.as_ref()) != reason(trouble);
        if changed {
            self.since = now;
        }
        self.was_usable |= trouble.is_none();
        self.trouble = trouble.cloned();
        changed
    }

    fn prevents_readiness(&self) -> bool {
        match self.requirement {
            Requirement::Always => self.trouble.is_some(),
            Requirement::Once => !self.was_usable,
            Requirement::Never => false,
        }
    }

    fn message(&self) -> &str {
        self.trouble.as_ref().map_or("", |trouble| &*trouble.message)
    }
}

#[cfg(test)]
mod tests;
