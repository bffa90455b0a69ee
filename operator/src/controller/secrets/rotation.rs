//! How signing key and pepper are replaced without a refused login: the new one is known everywhere before it is used, and the
//! old one is accepted until nothing of it is left. Pure; each step is one write to the Secret, and the next reconcile builds
//! from what is there.
//!
//! - [`signing_key`]: two steps, by time;
//! - [`pepper`]: four steps, by rollouts and time.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    api::core::v1::Secret,
    jiff::{SignedDuration, Timestamp},
};
use kube::ResourceExt as _;

use super::SecretChange;
use crate::{
    controller::{entropy::Entropy, validate::ValidatedStack},
    secret_values::value,
};

mod pepper;
mod signing_key;

pub use pepper::{NEXT_PEPPER, PEPPER, Peppers};
pub use signing_key::{NEXT_SIGNING_KEY, SIGNING_KEY};

/// What a stack wants of its signing key and its pepper. The texts are the values of the annotations on the stack; another
/// value asks for another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `None` where the spec brings the key.
    signing_key: Option<String>,
    pepper: String,
    /// How long an access token is accepted.
    token_life: SignedDuration,
    /// How long a code is accepted.
    code_life: SignedDuration,
}

impl Wanted {
    pub(super) fn of(stack: &ValidatedStack) -> Self {
        let tokens = &stack.spec.tokens;
        let brought = tokens.signing_key_secret_ref.is_some() || tokens.jwt_secret_ref.is_some();
        Self {
            signing_key: (!brought).then(|| stack.rotations.signing_key.clone()),
            pepper: stack.rotations.pepper.clone(),
            token_life: SignedDuration::from_secs(i64::from(tokens.access_ttl_seconds)),
            code_life: SignedDuration::from_secs(i64::from(stack.spec.login.code_ttl_seconds)),
        }
    }

    /// The annotations of a new Secret: its values are those that the stack wants.
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let signing_key = self.signing_key.clone().unwrap_or_default();
        let made_for = [(signing_key::MADE_FOR, signing_key), (pepper::MADE_FOR, self.pepper.clone())];
        let made_for = made_for.into_iter().filter(|(_, value)| !value.is_empty());
        made_for.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Where the rotations of a stack are.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The Secret, as it is.
    pub secret: &'a Arc<Secret>,
    /// What the stack wants.
    pub wanted: &'a Wanted,
    /// Whether all pods of user-service were built from the Secret as it is.
    pub rolled: bool,
    /// What time it is.
    pub now: Timestamp,
}

impl Progress<'_> {
    /// The next step, if it is time for one.
    #[must_use]
    pub fn next_step(&self, entropy: &Entropy) -> Option<SecretChange> {
        let mut change = SecretChange::of(self.secret);
        signing_key::step(self, entropy, &mut change);
        pepper::step(self, entropy, &mut change);
        (!change.is_empty()).then_some(change)
    }

    fn annotation(&self, name: &str) -> Option<&str> {
        self.secret.annotations().get(name).map(String::as_str)
    }

    fn has(&self, key: &str) -> bool {
        value(self.secret, key).is_some()
    }

    /// Whether the time in an annotation has come; `None` without one that can be read.
    fn has_come(&self, name: &str) -> Option<bool> {
        let time = self.annotation(name)?.parse::<Timestamp>().ok()?;
        Some(time <= self.now)
    }

    /// A time from now, as an annotation holds it.
    fn after(&self, duration: SignedDuration) -> Option<String> {
        self.now.checked_add(duration).ok().map(|time| time.to_string())
    }
}

/// What the steps in a change mean, for Events.
#[must_use]
pub fn described(change: &SecretChange) -> Vec<&'static str> {
    let sets = |key: &str| change.data.get(key).is_some_and(Option::is_some);
    let steps = [
        (NEXT_SIGNING_KEY, "added a signing key, which signs ten minutes after its publication"),
        (SIGNING_KEY, "removed the old signing key"),
        (NEXT_PEPPER, "added a pepper"),
        (PEPPER, "removed the old pepper"),
    ];
    steps.into_iter().filter(|(key, _)| sets(key)).map(|(_, step)| step).collect()
}

#[cfg(test)]
mod tests;
