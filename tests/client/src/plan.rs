//! What a load is to do.

use serde::{Deserialize, Serialize};

/// A load: sign-ins of addresses `<prefix>-<number>@example.org` at a steady rate until it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadPlan {
    /// Where user-service answers, such as `http://demo-user-service`.
    pub target: String,
    /// Where Mailpit's API answers.
    #[serde(default = "mailpit")]
    pub mailpit: String,
    /// What the addresses begin with, and the load's name. Two loads in a namespace need different ones.
    pub prefix: String,
    /// Sign-ins begun in a second, from 1 to 200.
    pub per_second: u32,
    /// Sign-ins from the start whose session is refreshed until the end of the load. All others are refreshed once, at the end.
    #[serde(default)]
    pub kept_sessions: usize,
    /// Seconds between two refreshes of such a session.
    #[serde(default = "refresh_seconds")]
    pub refresh_seconds: u64,
}

fn mailpit() -> String {
    "http://mailpit:8025".to_owned()
}

const fn refresh_seconds() -> u64 {
    5
}

/// A plan that cannot be followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing, or a flood.
    #[error("per_second is {0}: use 1 to 200")]
    Rate(u32),
    /// A prefix that makes no address.
    #[error("the prefix '{0}' makes no address: use a-z, 0-9 and -")]
    Prefix(String),
}

impl LoadPlan {
    /// A plan without kept sessions.
    #[must_use]
    pub fn new(target: &str, prefix: &str, per_second: u32) -> Self {
        Self {
            target: target.to_owned(),
            mailpit: mailpit(),
            prefix: prefix.to_owned(),
            per_second,
            kept_sessions: 0,
            refresh_seconds: refresh_seconds(),
        }
    }

    /// The same plan with the first `count` sessions refreshed throughout.
    #[must_use]
    pub fn keeping(mut self, count: usize) -> Self {
        self.kept_sessions = count;
        self
    }

    /// Whether it can be followed.
    pub fn check(&self) -> Result<(), PlanError> {
        if !(1..=200).contains(&self.per_second) {
            return Err(PlanError::Rate(self.per_second));
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.prefix.is_empty() || !self.prefix.chars().all(fits) {
            return Err(PlanError::Prefix(self.prefix.clone()));
        }
        Ok(())
    }

    /// The address of a sign-in.
    #[must_use]
    pub fn address(&self, number: u64) -> String {
        format!("{}-{number:06}@example.org", self.prefix)
    }

    /// Whether an address is one of this load's.
    #[must_use]
    pub fn is_own(&self, address: &str) -> bool {
        address.strip_prefix(&self.prefix).is_some_and(|rest| {
            let digits = rest.strip_prefix('-').and_then(|rest| rest.strip_suffix("@example.org"));
            digits.is_some_and(|digits| digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_a_default() {
        let json = r#"{ "target": "http://demo-user-service", "prefix": "load", "per_second": 20 }"#;
        assert_eq!(
            serde_json::from_str::<LoadPlan>(json).unwrap(),
            LoadPlan::new("http://demo-user-service", "load", 20)
        );
        assert!(
            serde_json::from_str::<LoadPlan>(
                r#"{ "target": "", "prefix": "a", "per_second": 1, "rate": 2 }"#
            )
            .is_err()
        );
    }

    #[test]
    fn a_plan_without_a_rate_or_an_address_is_refused() {
        assert_eq!(LoadPlan::new("http://x", "load", 0).check(), Err(PlanError::Rate(0)));
        assert_eq!(LoadPlan::new("http://x", "a b", 1).check(), Err(PlanError::Prefix("a b".to_owned())));
        assert_eq!(LoadPlan::new("http://x", "load-1", 20).check(), Ok(()));
    }

    #[test]
    fn a_load_knows_its_own_addresses() {
        let plan = LoadPlan::new("http://x", "load", 1);
        assert!(plan.is_own(&plan.address(0)) && plan.is_own(&plan.address(1_234_567)));
        assert!(!plan.is_own("load-proxy-000001@example.org") && !plan.is_own("ada@example.org"));
    }
}
