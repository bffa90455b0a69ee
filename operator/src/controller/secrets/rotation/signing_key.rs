//! The signing key. Pods read both keys from a volume that follows the Secret, publish the new one at once, and sign with it
//! after ten minutes (`services/user-service/src/tokens/rotation.rs`). Once no token of the old key can live, the new key takes
//! its place.

use k8s_openapi::jiff::SignedDuration;

use super::{super::planner::Value, Progress};
use crate::{
    controller::{entropy::Entropy, secrets::SecretChange},
    secret_values::value,
};

/// The key in use. Earlier releases know it by this name alone, so it is always there.
pub const SIGNING_KEY: &str = "signing-key.pem";

/// The key that takes its place.
pub const NEXT_SIGNING_KEY: &str = "signing-key-next.pem";

/// The value of the annotation on the stack that the newest key was made for.
pub(super) const MADE_FOR: &str = "pingstack.dev/signing-key-rotation";

/// When the old key is removed.
const REPLACED_AT: &str = "pingstack.dev/signing-key-replaced-at";

/// How long a key is published before it signs.
const PUBLISHED_FIRST: SignedDuration = SignedDuration::from_mins(10);

/// How long a change of the Secret may take to reach every pod, and for other services to forget the key set that they have.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn step(progress: &Progress<'_>, entropy: &Entropy, change: &mut SecretChange) {
    let wanted = &progress.wanted;
    if progress.has(NEXT_SIGNING_KEY) {
        match progress.has_come(REPLACED_AT) {
            Some(true) => {
                change.set(SIGNING_KEY, value(progress.secret, NEXT_SIGNING_KEY).cloned());
                change.set(NEXT_SIGNING_KEY, None);
                change.annotate(REPLACED_AT, None);
            }
            Some(false) => {}
            None => change.annotate(REPLACED_AT, replaced_at(progress)),
        }
        return;
    }
    let Some(rotation) = &wanted.signing_key else { return };
    // Pods of an older template do not look for a second key.
    if !progress.rolled || progress.annotation(MADE_FOR).unwrap_or_default() == rotation {
        return;
    }
    change.set(NEXT_SIGNING_KEY, Some(Value::SigningKey.draw(entropy.bytes(NEXT_SIGNING_KEY))));
    change.annotate(MADE_FOR, Some(rotation.clone()));
    change.annotate(REPLACED_AT, replaced_at(progress));
}

fn replaced_at(progress: &Progress<'_>) -> Option<String> {
    progress.after(PUBLISHED_FIRST + progress.wanted.token_life + MARGIN)
}
