//! What a condition is: its type, its reasons, and how the status holds it. Pure.
//!
//! `controller::findings` decides which conditions a stack has.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

mod condition_type;
pub mod reasons;

pub use condition_type::{ConditionType, Role};

/// A condition without its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which condition.
    pub type_: ConditionType,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One word; each has a row in [`reasons`], or comes from the report of a pod.
    pub reason: String,
    /// A sentence that says what to do, if there is something to do.
    pub message: String,
    /// True although something is wrong: its Event is a warning.
    pub impaired: bool,
    /// Not True, but for so short a time that the summary stays as it was.
    pub recent: bool,
}

impl Finding {
    /// It is so.
    #[must_use]
    pub fn good(type_: ConditionType, reason: &str, message: impl Into<String>) -> Self {
        Self::new(type_, "True", reason, message.into())
    }

    /// It is so, but something is wrong.
    #[must_use]
    pub fn impaired(type_: ConditionType, reason: &str, message: impl Into<String>) -> Self {
        Self { impaired: true, ..Self::good(type_, reason, message) }
    }

    /// It is not so, because of `reason`.
    #[must_use]
    pub fn bad(type_: ConditionType, reason: &str, message: impl Into<String>) -> Self {
        Self::new(type_, "False", reason, message.into())
    }

    /// It cannot be known.
    #[must_use]
    pub fn unknown(type_: ConditionType, reason: &str, message: impl Into<String>) -> Self {
        Self::new(type_, "Unknown", reason, message.into())
    }

    fn new(type_: ConditionType, status: &'static str, reason: &str, message: String) -> Self {
        #[cfg(test)]
        reasons::assert_has_row(type_, status, reason);
        Self { type_, status, reason: reason.to_owned(), message, impaired: false, recent: false }
    }

    /// Whether an Event about it is a warning.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.impaired || self.type_ == ConditionType::Stalled || self.status != "True"
    }
}

/// Conditions as the status holds them: a time moves only when its condition's status does.
#[must_use]
pub fn stamp(
    findings: Vec<Finding>,
    before: &[Condition],
    generation: Option<i64>,
    now: &Time,
) -> Vec<Condition> {
    let stamp = |finding: Finding| {
        let same = |old: &&Condition| old.type_ == finding.type_.name() && old.status == finding.status;
        let since =
            before.iter().find(same).map_or_else(|| now.clone(), |old| old.last_transition_time.clone());
        Condition {
            type_: finding.type_.name().to_owned(),
            status: finding.status.to_owned(),
            reason: finding.reason,
            message: shortened(finding.message),
            observed_generation: generation,
            last_transition_time: since,
        }
    };
    findings.into_iter().map(stamp).collect()
}

/// The API takes 32,768 characters; a person takes fewer.
fn shortened(message: String) -> String {
    const MOST: usize = 1024;
    if message.chars().count() <= MOST {
        message
    } else {
        message.chars().take(MOST - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests;
