//! `spec.login`: codes, their limits, and who may call the API.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Codes, their limits, and who may call the API.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default = "Login::default")]
#[x_kube(
    validation = Rule::new("self.resendAfterSeconds <= self.codeTtlSeconds")
        .message("a person must be able to ask again before the code ends: resendAfterSeconds may be at most codeTtlSeconds"),
    validation = Rule::new("self.codeTtlSeconds <= 600 || self.allowLongCodeTtl")
        .message("a code should live for 10 minutes at most (NIST SP 800-63B): shorten codeTtlSeconds, or set allowLongCodeTtl"),
    validation = Rule::new("self.maxAttempts <= 10 || self.allowManyAttempts")
        .message("each further attempt makes it more likely that a code is guessed: keep maxAttempts at 10 or less, or set allowManyAttempts")
)]
pub struct Login {
    /// How long a code is good, in seconds. A mail is never delivered after that.
    #[schemars(range(min = 60, max = 3600))]
    pub code_ttl_seconds: i32,
    /// Accepts a `codeTtlSeconds` over 600.
    pub allow_long_code_ttl: bool,
    /// How long an address waits between two codes, in seconds.
    #[schemars(range(min = 0, max = 3600))]
    pub resend_after_seconds: i32,
    /// How many wrong attempts end a code, whichever way they come.
    #[schemars(range(min = 1, max = 20))]
    pub max_attempts: i32,
    /// Accepts a `maxAttempts` over 10.
    pub allow_many_attempts: bool,
    /// Accepts a code only together with the challenge that its login answered, so that others can only guess at codes that they asked for. Clients of the original send none.
    pub require_challenge: bool,
    /// Origins that browsers and apps may call from, such as `https://app.example.org` or `capacitor://localhost`.
    /// Empty: any, without credentials.
    #[schemars(length(max = 32), inner(length(min = 5, max = 255)))]
    #[x_kube(validation = Rule::new(all_match(ping_contract::origin::PATTERN))
        .message("allowedOrigins has an entry that is not an origin: write scheme, host and port only, such as https://app.example.org, without a path or a slash at the end"))]
    pub allowed_origins: Vec<String>,
    /// Request headers that pages of `allowedOrigins` may send beside the usual ones, such as `x-tenant`.
    #[schemars(length(max = 32), inner(length(min = 1, max = 127)))]
    #[x_kube(validation = Rule::new(all_match(r"^[!#$%&\x27*+.^_`|~0-9A-Za-z-]+$"))
        .message("allowedHeaders has an entry that is not the name of a header: write one name an entry, such as x-tenant"))]
    pub allowed_headers: Vec<String>,
    /// CIDRs of the proxies whose X-Forwarded-For is believed: the ingress controller's pods, for example. With an Ingress the
    /// NetworkPolicies let them in.
    #[schemars(length(max = 32), inner(length(min = 3, max = 43)))]
    #[x_kube(validation = Rule::new(all_match("^[0-9a-fA-F.:]+/[0-9]{1,3}$"))
        .message("trustedProxies has an entry that is not a network: write a CIDR such as 10.244.0.0/16, and 192.0.2.7/32 for one address"))]
    pub trusted_proxies: Vec<String>,
    /// How many requests are taken. 0 switches a limit off.
    pub limits: Limits,
}

/// The rule that each text of a list matches `pattern`.
fn all_match(pattern: &str) -> String {
    format!("self.all(entry, entry.matches('{}'))", pattern.replace('\\', r"\\"))
}

impl Default for Login {
    fn default() -> Self {
        Self {
            code_ttl_seconds: 300,
            allow_long_code_ttl: false,
            resend_after_seconds: 60,
            max_attempts: 5,
            allow_many_attempts: false,
            require_challenge: false,
            allowed_origins: Vec::new(),
            allowed_headers: Vec::new(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// How many requests are taken. 0 switches a limit off.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Codes for one address from one client network in 15 minutes, and twice as many from all; a `+tag` makes no other
    /// address.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub codes_per_address: i32,
    /// Codes for one address from one client network in a day, and twice as many from all.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub codes_per_address_per_day: i32,
    /// Logins from one client address in 15 minutes; a login that is then verified does not count.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub logins_per_client: i32,
    /// Wrong codes from one client address in 15 minutes.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub wrong_codes_per_client: i32,
    /// Wrong codes for one address in a day, before each further attempt must wait, longer and longer.
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
