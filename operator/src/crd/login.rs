//! `spec.login`: codes, their limits, and who may call the API.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Codes, their limits, and who may call the API.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "Login::default")]
#[x_kube(
    validation = Rule::new("self.resendAfterSeconds <= self.codeTtlSeconds")
        .message("a person must be able to ask again before the code ends: resendAfterSeconds may be at most codeTtlSeconds")
)]
pub struct Login {
    /// How long a code is good, in seconds. A mail is never delivered after that.
    #[schemars(range(min = 60, max = 3600))]
    pub code_ttl_seconds: i32,
    /// How long an address waits between two codes, in seconds.
    #[schemars(range(min = 0, max = 3600))]
    pub resend_after_seconds: i32,
    /// How many wrong tries end the live codes of an address.
    #[schemars(range(min = 1, max = 20))]
    pub max_attempts: i32,
    /// Origins that browsers may call from, such as `https://app.example.org`. Empty: any, without credentials.
    #[schemars(length(max = 32), inner(length(min = 8, max = 255), regex(pattern = r"^https?://[^/\s]+$")))]
    pub allowed_origins: Vec<String>,
    /// CIDRs of the proxies whose X-Forwarded-For is believed: the ingress controller's pods, for example.
    #[schemars(
        length(max = 32),
        inner(length(min = 3, max = 43), regex(pattern = r"^[0-9a-fA-F.:]+/[0-9]{1,3}$"))
    )]
    pub trusted_proxies: Vec<String>,
    /// How many requests are taken. 0 switches a limit off.
    pub limits: Limits,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            code_ttl_seconds: 300,
            resend_after_seconds: 60,
            max_attempts: 5,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// How many requests are taken. 0 switches a limit off.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Codes for one address in 15 minutes; a `+tag` makes no other address.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub codes_per_address: i32,
    /// Codes for one address in a day.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub codes_per_address_per_day: i32,
    /// Logins from one client address in 15 minutes; a login that is then verified does not count.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub logins_per_client: i32,
    /// Wrong codes from one client address in 15 minutes.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub wrong_codes_per_client: i32,
    /// Wrong codes for one address in a day, before each further try must wait, longer and longer.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub wrong_codes_per_address_per_day: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            codes_per_address: 5,
            codes_per_address_per_day: 50,
            logins_per_client: 20,
            wrong_codes_per_client: 60,
            wrong_codes_per_address_per_day: 20,
        }
    }
}
