//! The JSON of `/readyz?verbose`, which the operator turns into conditions.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Check, State};
use crate::timestamp::rfc3339_seconds;

/// A reader takes no longer answer.
const MAX_OCTETS: usize = 8 * 1024;

/// What is known of a process at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// What `/readyz` says.
    pub ready: bool,
    /// One entry for each server or set of keys, sorted by name.
    pub checks: Vec<CheckReport>,
    /// Moments that have been marked, RFC 3339.
    #[serde(flatten)]
    pub moments: BTreeMap<&'static str, String>,
}

/// What is known of one server or set of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    pub name: &'static str,
    /// Whether it can be used now.
    pub usable: bool,
    /// RFC 3339: since when `usable` and `reason` are what they are, by the wall clock of this machine.
    pub since: String,
    /// Why it cannot be used, in the form of a condition's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What is wrong and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl HealthReport {
    pub(super) fn new(state: &State, draining: bool) -> Self {
        Self {
            ready: state.is_ready() && !draining,
            checks: state.checks.iter().map(|(name, check)| CheckReport::new(name, check)).collect(),
            moments: state.moments.iter().map(|(name, time)| (*name, rfc3339_seconds(*time))).collect(),
        }
    }

    /// The check with this name.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<&CheckReport> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// At most 8 KiB of JSON. Messages are left out where they do not fit: programs read the rest.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Cannot fail: texts and booleans.
        let whole = serde_json::to_vec(self).unwrap_or_default();
        if whole.len() <= MAX_OCTETS {
            return whole;
        }
        let mut short = self.clone();
        for check in &mut short.checks {
            check.message = None;
        }
        serde_json::to_vec(&short).unwrap_or_default()
    }
}

impl CheckReport {
    fn new(name: &'static str, check: &Check) -> Self {
        Self {
            name,
            usable: check.trouble.is_none(),
            since: rfc3339_seconds(check.since),
            reason: check.trouble.as_ref().map(|trouble| trouble.reason),
            message: check.trouble.as_ref().map(|trouble| trouble.message.clone().into_owned()),
        }
    }
}
