//! The headers that tell clients about rate limits: `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers).

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::rate_limits::{Quota, Remaining};

/// The header with a policy's state.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The header with all policies of a path.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The value of `RateLimit-Policy`: `"login-resend";q=1;w=60, "login-address";q=5;w=900`. `None` without a policy.
pub(crate) fn policies(quotas: &[Quota]) -> Option<HeaderValue> {
    let list = quotas
        .iter()
        .map(|quota| format!("\"{}\";q={};w={}", quota.policy.name(), quota.places, quota.window.as_secs()))
        .collect::<Vec<_>>()
        .join(", ");
    (!list.is_empty()).then(|| HeaderValue::try_from(list).ok()).flatten()
}

/// Sets `RateLimit`.
pub(crate) fn insert_remaining(headers: &mut HeaderMap, remaining: Remaining) {
    headers.insert(RATE_LIMIT, remaining_value(remaining));
}

/// Sets `RateLimit-Policy`, where there is a policy.
pub(crate) fn insert_policies(headers: &mut HeaderMap, policies: Option<&HeaderValue>) {
    if let Some(policies) = policies {
        headers.insert(RATE_LIMIT_POLICY, policies.clone());
    }
}

/// `"login-ip";r=3;t=412`
fn remaining_value(remaining: Remaining) -> HeaderValue {
    let text = format!("\"{}\";r={};t={}", remaining.policy.name(), remaining.places, remaining.seconds);
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("")) // ASCII by construction
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{policies, remaining_value};
    use crate::rate_limits::{Policy, Quota, Remaining};

    #[test]
    fn the_policies_are_a_structured_list() {
        let resend = Quota { policy: Policy::LoginResend, places: 1, window: Duration::from_mins(1) };
        let ip = Quota { policy: Policy::LoginIp, places: 20, window: Duration::from_mins(15) };
        assert_eq!(policies(&[resend, ip]).unwrap(), r#""login-resend";q=1;w=60, "login-ip";q=20;w=900"#);
        assert_eq!(policies(&[]), None);
    }

    #[test]
    fn a_state_is_a_structured_item() {
        let remaining = Remaining { policy: Policy::LoginResend, places: 0, seconds: 61 };
        assert_eq!(remaining_value(remaining), r#""login-resend";r=0;t=61"#);
    }
}
