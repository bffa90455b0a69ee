//! The pepper. Pods have peppers in their environment, so every step but the last is a rollout:
//!
//! 1. every pod accepts the new one beside the old one;
//! 2. new codes are stored under the new one;
//! 3. the last code under the old one is dead: the new one takes its place;
//! 4. the copy of the new one is removed, when no pod looks for it.

use k8s_openapi::{api::core::v1::Secret, jiff::SignedDuration};
use kube::ResourceExt as _;

use super::{super::planner::Value, Progress};
use crate::{
    controller::{entropy::Entropy, secrets::SecretChange},
    secret_values::value,
};

/// The pepper in use. Earlier releases know it by this name alone, so it is always there.
pub const PEPPER: &str = "otp-pepper";

/// The pepper that takes its place.
pub const NEXT_PEPPER: &str = "otp-pepper-next";

/// The value of the annotation on the stack that the newest pepper was made for.
pub(super) const MADE_FOR: &str = "pingstack.dev/pepper-rotation";

/// The number of the pepper in use, which is its id beside the digests in Redis; absent means 1.
const NUMBER: &str = "pingstack.dev/pepper-number";

/// How far a rotation is; absent means that the new pepper is accepted and not used yet.
const STEP: &str = "pingstack.dev/pepper-step";

/// Value of [`STEP`]: new codes are stored under the new pepper.
const IN_USE: &str = "in-use";

/// Value of [`STEP`]: the new pepper has taken the place of the old one.
const REPLACED: &str = "replaced";

/// When the old pepper is removed.
const REPLACED_AT: &str = "pingstack.dev/pepper-replaced-at";

/// How long requests of pods that were replaced may take.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// The peppers of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peppers {
    number: u32,
    rotation: Option<Step>,
}

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Accepted,
    InUse,
    Replaced,
}

impl Peppers {
    /// What a Secret holds. Without the next pepper there is no rotation, whatever the annotations say.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        let annotation = |name: &str| secret.annotations().get(name).map(String::as_str);
        let number = annotation(NUMBER).and_then(|number| number.parse().ok()).unwrap_or(1);
        let step = match annotation(STEP) {
            Some(IN_USE) => Step::InUse,
            Some(REPLACED) => Step::Replaced,
            _ => Step::Accepted,
        };
        Self { number, rotation: value(secret, NEXT_PEPPER).map(|_| step) }
    }

    /// The keys of the Secret that hold peppers in use, each with its number, the current one first.
    #[must_use]
    pub fn in_order(self) -> Vec<(u32, &'static str)> {
        let current = (self.number, PEPPER);
        let next = (self.number.saturating_add(1), NEXT_PEPPER);
        match self.rotation {
            None | Some(Step::Replaced) => vec![current],
            Some(Step::Accepted) => vec![current, next],
            Some(Step::InUse) => vec![next, current],
        }
    }
}

pub(super) fn step(progress: &Progress<'_>, entropy: &Entropy, change: &mut SecretChange) {
    if !progress.rolled {
        return;
    }
    let peppers = Peppers::of(progress.secret);
    let rotation = &progress.wanted.pepper;
    match peppers.rotation {
        None if progress.annotation(MADE_FOR).unwrap_or_default() == rotation => {}
        None => {
            change.set(NEXT_PEPPER, Some(Value::Password.draw(entropy.bytes(NEXT_PEPPER))));
            change.annotate(MADE_FOR, Some(rotation.clone()));
            change.annotate(STEP, None);
            change.annotate(REPLACED_AT, None);
        }
        Some(Step::Accepted) => change.annotate(STEP, Some(IN_USE.to_owned())),
        Some(Step::InUse) => match progress.has_come(REPLACED_AT) {
            Some(true) => {
                change.set(PEPPER, value(progress.secret, NEXT_PEPPER).cloned());
                change.annotate(NUMBER, Some(peppers.number.saturating_add(1).to_string()));
                change.annotate(STEP, Some(REPLACED.to_owned()));
                change.annotate(REPLACED_AT, None);
            }
            Some(false) => {}
            None => change.annotate(REPLACED_AT, progress.after(progress.wanted.code_life + MARGIN)),
        },
        Some(Step::Replaced) => {
            change.set(NEXT_PEPPER, None);
            change.annotate(STEP, None);
        }
    }
}
