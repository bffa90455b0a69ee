//! The limits of sign-in, as settings. Each quota may be 0: off.

use std::time::Duration;

use ping_contract::keys::{CODE_TTL_SECONDS, RESEND_AFTER_SECONDS};

use super::ConfigError;
use crate::rate_limits::{DAY, Limits, Policy, Quota, WrongTries};

/// Codes and limits.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Codes and limits")]
pub struct LimitArgs {
    /// Life of a code, in seconds
    #[arg(long, env = "CODE_TTL_SECONDS", default_value_t = CODE_TTL_SECONDS, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub code_ttl_seconds: u64,
    /// Accept a `CODE_TTL_SECONDS` over 600, the longest that NIST SP 800-63B allows
    #[arg(long, env = "ALLOW_LONG_CODE_TTL")]
    pub allow_long_code_ttl: bool,
    /// Pause between logins for one address, in seconds; 0 = none
    #[arg(long, env = "LOGIN_RESEND_AFTER_SECONDS", default_value_t = RESEND_AFTER_SECONDS, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub login_resend_after_seconds: u64,
    /// Wrong attempts that end a code; without a challenge, clients of other networks than the login's have two fewer
    #[arg(long, env = "LOGIN_MAX_ATTEMPTS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub login_max_attempts: u32,
    /// Accept a `LOGIN_MAX_ATTEMPTS` over 10: each further attempt makes it more likely that a code is guessed
    #[arg(long, env = "ALLOW_MANY_ATTEMPTS")]
    pub allow_many_attempts: bool,
    /// Length of a window, in seconds
    #[arg(long, env = "LOGIN_WINDOW_SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub login_window_seconds: u64,
    /// Logins for one address from one client network in a window, whatever its +tag; 0 = off
    #[arg(long, env = "LOGIN_PER_ADDRESS", default_value_t = 5)]
    pub login_per_address: u32,
    /// The same in a day; 0 = off
    #[arg(long, env = "LOGIN_PER_ADDRESS_A_DAY", default_value_t = 50)]
    pub login_per_address_a_day: u32,
    /// How many times as much an address has from all networks together, without those that signed in to it before; 0 = no such limit
    #[arg(long, env = "LOGIN_ADDRESS_FACTOR", default_value_t = 2)]
    pub login_address_factor: u32,
    /// Logins from one client (IPv4 address or IPv6 /64) in a window; those that are verified do not count; 0 = off
    #[arg(long, env = "LOGIN_PER_IP", default_value_t = 20)]
    pub login_per_ip: u32,
    /// Wrong codes from one client in a window; 0 = off
    #[arg(long, env = "LOGIN_WRONG_PER_IP", default_value_t = 60)]
    pub login_wrong_per_ip: u32,
    /// How many times as much an IPv6 /48 has; 0 = no such limit
    #[arg(long, env = "LOGIN_NETWORK_FACTOR", default_value_t = 10)]
    pub login_network_factor: u32,
    /// Wrong codes for one address in a day before attempts are made to wait; 0 = only after 60 in a row
    #[arg(long, env = "LOGIN_WRONG_A_DAY", default_value_t = 20)]
    pub login_wrong_a_day: u32,
    /// The first such wait, in seconds; each further wrong code doubles it
    #[arg(long, env = "LOGIN_WRONG_WAIT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub login_wrong_wait_seconds: u64,
    /// The longest such wait, in seconds
    #[arg(long, env = "LOGIN_WRONG_WAIT_MAX_SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub login_wrong_wait_max_seconds: u64,
}

/// The longest life of a code (NIST SP 800-63B), in seconds.
const LONGEST_CODE_TTL_SECONDS: u64 = 600;

/// The most attempts at a code.
const MOST_ATTEMPTS: u32 = 10;

impl LimitArgs {
    /// What makes codes easy to guess must be asked for by name.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.code_ttl_seconds > LONGEST_CODE_TTL_SECONDS && !self.allow_long_code_ttl {
            return Err(ConfigError::LongCodeTtl);
        }
        if self.login_max_attempts > MOST_ATTEMPTS && !self.allow_many_attempts {
            return Err(ConfigError::ManyAttempts);
        }
        Ok(())
    }

    /// The limits; what is off is left out.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let window = Duration::from_secs(self.login_window_seconds);
        let wide = |places: u32| places.saturating_mul(self.login_network_factor);
        let all = |places: u32| places.saturating_mul(self.login_address_factor);
        let quota = |policy, places, window| (places > 0).then_some(Quota { policy, places, window });
        let login = [
            quota(Policy::LoginAddress, self.login_per_address, window),
            quota(Policy::LoginAddressDay, self.login_per_address_a_day, DAY),
            quota(Policy::LoginAddressAll, all(self.login_per_address), window),
            quota(Policy::LoginAddressAllDay, all(self.login_per_address_a_day), DAY),
            quota(Policy::LoginIp, self.login_per_ip, window),
            quota(Policy::LoginNetwork, wide(self.login_per_ip), window),
        ];
        let verify = [
            quota(Policy::VerifyIp, self.login_wrong_per_ip, window),
            quota(Policy::VerifyNetwork, wide(self.login_wrong_per_ip), window),
        ];
        Limits {
            code_ttl: Duration::from_secs(self.code_ttl_seconds),
            resend_after: Duration::from_secs(self.login_resend_after_seconds),
            max_attempts: self.login_max_attempts,
            login: login.into_iter().flatten().collect(),
            verify: verify.into_iter().flatten().collect(),
            wrong_tries: WrongTries {
                free_a_day: self.login_wrong_a_day,
                first_wait: Duration::from_secs(self.login_wrong_wait_seconds),
                longest_wait: Duration::from_secs(self.login_wrong_wait_max_seconds),
            },
        }
    }
}
