//! `spec.monitoring.syntheticLogin`: sign-ins of the operator's own.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Sign-ins of the operator's own, which find out whether users can sign in.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "SyntheticLogin::default")]
pub struct SyntheticLogin {
    /// How often the operator signs in, from `1m` to `24h`. A sign-in that fails is tried once more at once.
    #[schemars(length(min = 2, max = 8))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,4}[smh]$') && duration(self) >= duration('1m') && duration(self) <= duration('24h')")
        .message("every is not a time from 1m to 24h: write a number and s, m or h, such as 5m"))]
    pub every: String,
}

impl Default for SyntheticLogin {
    fn default() -> Self {
        Self { every: "5m".to_owned() }
    }
}

impl SyntheticLogin {
    /// The time between two sign-ins. What an API server without the rule let through is bounded here as well.
    #[must_use]
    pub fn interval(&self) -> std::time::Duration {
        const SHORTEST: u64 = 60;
        const LONGEST: u64 = 24 * 60 * 60;
        let (number, unit) =
            self.every.split_at_checked(self.every.len().saturating_sub(1)).unwrap_or_default();
        let unit = match unit {
            "s" => 1,
            "h" => 60 * 60,
            _ => 60,
        };
        let seconds = number.parse::<u64>().unwrap_or(5).saturating_mul(unit);
        std::time::Duration::from_secs(seconds.clamp(SHORTEST, LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::SyntheticLogin;

    #[test]
    fn the_interval_is_that_of_the_text_within_its_bounds() {
        let interval = |every: &str| SyntheticLogin { every: every.to_owned() }.interval();
        assert_eq!(SyntheticLogin::default().interval(), Duration::from_mins(5));
        assert_eq!(interval("90s"), Duration::from_secs(90));
        assert_eq!(interval("2h"), Duration::from_hours(2));
        assert_eq!((interval("1s"), interval("999h")), (Duration::from_mins(1), Duration::from_hours(24)));
        assert_eq!((interval(""), interval("ä")), (Duration::from_mins(5), Duration::from_mins(5)));
    }
}
