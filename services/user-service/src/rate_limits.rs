//! The policies that sign-in is limited by. Pure: the scripts of codes count, and http renders the headers.

mod client_ip;

use std::time::Duration;

pub use client_ip::ClientIp;

/// A policy's name, as clients, keys and metrics say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Policy {
    /// One login for an address, then a pause.
    LoginResend,
    /// Logins for a mailbox from one client network in a quarter of an hour.
    LoginAddress,
    /// The same in a day.
    LoginAddressDay,
    /// Logins for a mailbox in a quarter of an hour from all networks together, but for those that it knows.
    LoginAddressAll,
    /// The same in a day.
    LoginAddressAllDay,
    /// Logins from a client network; verified ones are given back.
    LoginIp,
    /// The same for the wide network.
    LoginNetwork,
    /// Wrong codes from a client network.
    VerifyIp,
    /// The same for the wide network.
    VerifyNetwork,
    /// Wrong codes for a mailbox in a day, then waits.
    VerifyAddress,
    /// The same for one network that signed in before, and with a live challenge: it does not wait for others.
    VerifyChallenge,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::LoginResend,
        Self::LoginAddress,
        Self::LoginAddressDay,
        Self::LoginAddressAll,
        Self::LoginAddressAllDay,
        Self::LoginIp,
        Self::LoginNetwork,
        Self::VerifyIp,
        Self::VerifyNetwork,
        Self::VerifyAddress,
        Self::VerifyChallenge,
    ];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginResend => "login-resend",
            Self::LoginAddress => "login-address",
            Self::LoginAddressDay => "login-address-day",
            Self::LoginAddressAll => "login-address-all",
            Self::LoginAddressAllDay => "login-address-all-day",
            Self::LoginIp => "login-ip",
            Self::LoginNetwork => "login-network",
            Self::VerifyIp => "verify-ip",
            Self::VerifyNetwork => "verify-network",
            Self::VerifyAddress => "verify-address",
            Self::VerifyChallenge => "verify-challenge",
        }
    }
}

/// So many in a window that begins with the first; none left = refused until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Which policy this is.
    pub policy: Policy,
    /// How many places a window has; never 0, a policy that is off is left out.
    pub places: u32,
    /// How long a window is.
    pub window: Duration,
}

/// The growing wait between wrong codes for one mailbox. A network that signed in before waits for its own only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongTries {
    /// How many a day are free of waits; 0 = no waits.
    pub free_a_day: u32,
    /// The first wait; each further wrong code doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

/// Everything configurable about codes and limits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a code lives.
    pub code_ttl: Duration,
    /// The pause after a login for the same address; zero = none.
    pub resend_after: Duration,
    /// Wrong attempts that end a code, whichever way they come.
    pub max_attempts: u32,
    /// What a login is counted in, by [`Policy::LoginAddress`], `LoginAddressDay`, those of all networks, `LoginIp` and
    /// `LoginNetwork`.
    pub login: Vec<Quota>,
    /// What a wrong code is counted in, by [`Policy::VerifyIp`] and `VerifyNetwork`.
    pub verify: Vec<Quota>,
    /// The waits after wrong codes.
    pub wrong_tries: WrongTries,
}

/// The length of [`Limits::wrong_tries`]' day.
pub const DAY: Duration = Duration::from_hours(24);

/// Wrong codes for one address since its last sign-in after which each further one is followed by a wait of a [`DAY`].
pub const IN_A_ROW_BEFORE_DAYS: u32 = 60;

/// The most of them that are compared, but for a network that signed in before. NIST SP 800-63B allows 100.
pub const MOST_IN_A_ROW: u32 = 99;

/// How long wrong codes in a row, and networks that signed in, are remembered.
pub const MEMORY: Duration = Duration::from_hours(30 * 24);

/// How many networks are remembered of an address.
pub const KNOWN_NETWORKS: u32 = 8;

/// Attempts at a code that are kept from strangers: those without a challenge, from another network than the login's.
const KEPT_FROM_STRANGERS: u32 = 2;

/// What is left of one policy, as the `RateLimit` header says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// Which policy.
    pub policy: Policy,
    /// How many more.
    pub places: u32,
    /// Whole seconds until the window ends, never too few.
    pub seconds: u64,
}

/// A request that is refused because a policy has no place left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Those without a place, in the order of [`Policy`].
    pub policies: Vec<Policy>,
    /// The one that lasts longest: no request is accepted before it ends.
    pub longest: Remaining,
}

impl Refusal {
    /// The names of the policies without a place, separated by spaces.
    #[must_use]
    pub fn policy_names(&self) -> String {
        self.policies.iter().map(|policy| policy.name()).collect::<Vec<_>>().join(" ")
    }

    /// From each policy without a place and its end, at `now` (Unix milliseconds of Redis' clock). `None` if there are
    /// none.
    #[must_use]
    pub fn from_ends(ends: &[(Policy, i64)], now: i64) -> Option<Self> {
        let (policy, last) = ends.iter().copied().max_by_key(|(_, end)| *end)?;
        let mut policies = ends.iter().map(|(policy, _)| *policy).collect::<Vec<_>>();
        policies.sort_unstable();
        policies.dedup();
        Some(Self { policies, longest: Remaining { policy, places: 0, seconds: seconds_until(last, now) } })
    }
}

impl Limits {
    /// Every policy that applies to a login.
    #[must_use]
    pub fn login_policies(&self) -> Vec<Quota> {
        let resend = Quota { policy: Policy::LoginResend, places: 1, window: self.resend_after };
        let resend = (!self.resend_after.is_zero()).then_some(resend);
        resend.into_iter().chain(self.login.iter().copied()).collect()
    }

    /// Every policy that applies to a verification.
    #[must_use]
    pub fn verify_policies(&self) -> Vec<Quota> {
        let places = self.wrong_tries.free_a_day;
        let day = |policy| (places > 0).then_some(Quota { policy, places, window: DAY });
        let days = [day(Policy::VerifyAddress), day(Policy::VerifyChallenge)];
        self.verify.iter().copied().chain(days.into_iter().flatten()).collect()
    }

    /// Wrong attempts of strangers that a code is compared with: fewer than it has, so that they cannot end it.
    #[must_use]
    pub fn stranger_attempts(&self) -> u32 {
        self.max_attempts.saturating_sub(KEPT_FROM_STRANGERS).max(1)
    }
}

/// Whole seconds after which a client that waits them is past `end`, however fast it is: rounded up, and up again
/// where it fits exactly, since a key still exists in its last millisecond.
#[must_use]
pub fn seconds_until(end: i64, now: i64) -> u64 {
    u64::try_from((end - now).max(0)).unwrap_or_default() / 1000 + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Limits, Policy, Quota, Refusal, Remaining, WrongTries, seconds_until};

    fn limits() -> Limits {
        Limits {
            code_ttl: Duration::from_mins(5),
            resend_after: Duration::from_mins(1),
            max_attempts: 5,
            login: vec![Quota { policy: Policy::LoginIp, places: 20, window: Duration::from_mins(15) }],
            verify: Vec::new(),
            wrong_tries: WrongTries {
                free_a_day: 0,
                first_wait: Duration::from_secs(30),
                longest_wait: Duration::from_hours(1),
            },
        }
    }

    #[test]
    fn a_policy_that_is_off_is_left_out() {
        let policies = limits().login_policies().iter().map(|quota| quota.policy).collect::<Vec<_>>();
        assert_eq!(policies, [Policy::LoginResend, Policy::LoginIp]);
        assert_eq!(limits().verify_policies(), []);
        let nothing = Limits { resend_after: Duration::ZERO, login: Vec::new(), ..limits() };
        assert_eq!(nothing.login_policies(), []);
    }

    #[test]
    fn a_refusal_lasts_until_the_last_window_ends() {
        let ends = [(Policy::LoginIp, 5_000), (Policy::LoginResend, 61_000), (Policy::LoginResend, 60_000)];
        let refusal = Refusal::from_ends(&ends, 1_000).unwrap();
        assert_eq!(refusal.policies, [Policy::LoginResend, Policy::LoginIp]);
        assert_eq!(refusal.longest, Remaining { policy: Policy::LoginResend, places: 0, seconds: 61 });
        assert_eq!(Refusal::from_ends(&[], 0), None);
    }

    #[test]
    fn strangers_cannot_end_a_code_that_has_more_than_one_attempt() {
        let strangers = |max_attempts| Limits { max_attempts, ..limits() }.stranger_attempts();
        assert_eq!([1, 2, 3, 4, 5, 20].map(strangers), [1, 1, 1, 2, 3, 18]);
    }

    proptest! {
        #[test]
        fn waiting_is_never_too_short_and_at_most_a_second_too_long(now in 0_i64..1 << 42, left in -10_i64..100_000) {
            let waited = now + i64::try_from(seconds_until(now + left, now)).unwrap() * 1000;
            prop_assert!(waited > now + left);
            prop_assert!(waited <= now + left.max(0) + 1000);
        }
    }
}
