//! The claims of a token. Nothing is verified: the token has just come from user-service.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The middle part of the token.
pub(crate) fn of(token: &str) -> Result<Value> {
    let part = token.split('.').nth(1).context("the token has no claims")?;
    let json = URL_SAFE_NO_PAD.decode(part).context("the token's claims are not base64url")?;
    serde_json::from_slice(&json).context("the token's claims are not JSON")
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn claims_are_the_middle_part() {
        // {"sub":"a","exp":1}
        assert_eq!(of("e30.eyJzdWIiOiJhIiwiZXhwIjoxfQ.c2ln").unwrap()["sub"], "a");
        for broken in ["", "one", "a.%.c", "a.e.c", "a.YQ.c"] {
            assert!(of(broken).is_err(), "{broken}");
        }
    }
}
