//! The keys of sealed mails: mail-service opens mails with the private keys, user-service seals them under a public one.
//!
//! The Secret says how far everything is, so that an operator that restarts goes on where the last one stopped:
//!
//! - its values are the private keys: one, or two during a rotation;
//! - [`SEALS_UNDER`] names the key that user-service seals under. It is written only once every pod of mail-service has that
//!   key, and no mail is under a key that was never named. So whatever becomes of the values, by deletion or from a backup,
//!   nobody is told to seal under a key that mail-service may lack;
//! - [`ENDING`] says that user-service no longer seals, [`WITHDRAWN`] that mail-service no longer needs the keys.
//!
//! [`Progress`] takes one step at a time; the next reconcile builds from what is there.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{ByteString, api::core::v1::Secret, jiff::SignedDuration};
use kube::ResourceExt as _;
use sealed_mail::PrivateKey;

use super::planner::{self, Planner, Value};
use crate::{controller::validate::ValidatedStack, names::Part, secret_values::text};

mod steps;

pub use steps::{NextStep, Progress};

/// The key in use: the name of its value, and of its file in the pods of mail-service.
pub const KEY: &str = "mail-key";

/// The key that takes its place.
pub const NEXT_KEY: &str = "mail-key-next";

/// The value of the annotation on the stack that the newest key was made for.
const MADE_FOR: &str = "pingstack.dev/mail-keys-rotation";

/// The id of the key that user-service seals mails under; absent, or of a key that is not there, means that it seals none.
const SEALS_UNDER: &str = "pingstack.dev/mail-seal-key";

/// When the last mail under what user-service no longer uses, the old key or any key, is delivered or dead.
const UNUSED_AT: &str = "pingstack.dev/mail-keys-unused-at";

/// Present while the last sealed mails are on their way, after sealing was turned off.
const ENDING: &str = "pingstack.dev/mail-sealing-ending";

/// Present while mail-service gives the keys back, after which the Secret is deleted.
const WITHDRAWN: &str = "pingstack.dev/mail-keys-withdrawn";

/// What a stack wants of its mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whether mails are sealed.
    sealing: bool,
    /// The value of the annotation on the stack; another one asks for another key.
    rotation: String,
    /// How long a code is accepted.
    code_life: SignedDuration,
}

impl Wanted {
    fn of(stack: &ValidatedStack) -> Self {
        Self {
            sealing: stack.spec.mail.sealing.enabled,
            rotation: stack.rotations.mail_keys.clone(),
            code_life: SignedDuration::from_secs(i64::from(stack.spec.login.code_ttl_seconds)),
        }
    }
}

/// The keys of a stack.
#[derive(Debug, Clone)]
pub struct MailKeys {
    /// What the stack wants.
    pub wanted: Wanted,
    /// The Secret; `None` where mails are not sealed, and none that was is on its way.
    pub secret: Option<Arc<Secret>>,
    /// What it says; `None` without a Secret.
    pub state: Option<State>,
}

/// The Secret as it will be: where sealing was turned off it stays until a step deletes it.
pub(super) fn plan(planner: &mut Planner<'_>) -> MailKeys {
    let wanted = Wanted::of(planner.stack);
    let name = planner.stack.id.mail_keys_secret();
    let secret = if wanted.sealing || planner.present(&name).is_some() {
        let made_for = Some(wanted.rotation.clone()).filter(|rotation| !rotation.is_empty());
        let annotations = made_for.map(|rotation| (MADE_FOR.to_owned(), rotation));
        Some(planner.secret(planner::Wanted {
            annotations: BTreeMap::from_iter(annotations),
            ..planner::Wanted::new(name, Part::MailService, vec![(KEY.to_owned(), Value::MailKey)])
        }))
    } else {
        None
    };
    let state = secret.as_deref().and_then(State::of);
    MailKeys { wanted, secret, state }
}

/// A new private key, as its file holds it: any 32 octets are one of X25519 (RFC 7748, section 5).
pub(super) fn draw(random: [u8; 32]) -> ByteString {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    ByteString(STANDARD.encode(random).into_bytes())
}

/// Whether a value of a Secret is a private key.
pub(super) fn is_key(secret: &Secret, name: &str) -> bool {
    PrivateKey::from_base64(&text(secret, name)).is_ok()
}

/// The half of a key that is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHalf {
    /// 16 hex digits, which sealed mails carry.
    pub id: String,
    /// 32 octets in base64.
    pub key: String,
}

impl PublicHalf {
    /// Of the private key in a value of a Secret; `None` if that is missing or no key.
    fn of(secret: &Secret, name: &str) -> Option<Self> {
        let public = PrivateKey::from_base64(&text(secret, name)).ok()?.public_key();
        Some(Self { id: public.id().to_string(), key: public.to_base64() })
    }
}

/// How far sealing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The newest key. Pods of mail-service are of a template that names it.
    newest: PublicHalf,
    /// Whether another key is older.
    is_rotating: bool,
    /// The key that [`SEALS_UNDER`] names.
    named: Option<PublicHalf>,
    is_ending: bool,
    is_withdrawn: bool,
}

impl State {
    /// What a Secret says; `None` without a key.
    fn of(secret: &Secret) -> Option<Self> {
        Self::read(secret, PublicHalf::of)
    }

    /// The same, where `half` finds the public half of a value.
    fn read(secret: &Secret, half: impl Fn(&Secret, &str) -> Option<PublicHalf>) -> Option<Self> {
        let key = half(secret, KEY);
        let next = half(secret, NEXT_KEY);
        let annotation = |name: &str| secret.annotations().get(name);
        let is_named = |half: &&PublicHalf| annotation(SEALS_UNDER) == Some(&half.id);
        let named = next.iter().chain(&key).find(is_named).cloned();
        Some(Self {
            named,
            is_rotating: next.is_some(),
            newest: next.or(key)?,
            is_ending: annotation(ENDING).is_some(),
            is_withdrawn: annotation(WITHDRAWN).is_some(),
        })
    }

    /// The id of the newest key that the pods of mail-service have; `None` if they have none.
    #[must_use]
    pub fn opens_with(&self) -> Option<&str> {
        (!self.is_withdrawn).then_some(&*self.newest.id)
    }

    /// What user-service seals under; `None` if it seals nothing.
    #[must_use]
    pub fn seals_under(&self) -> Option<&PublicHalf> {
        self.published().filter(|_| !self.is_ending)
    }

    /// What pods of user-service that still seal, as those of an older template do, seal under: mail-service has it.
    #[must_use]
    pub fn published(&self) -> Option<&PublicHalf> {
        self.named.as_ref().filter(|_| !self.is_withdrawn)
    }
}

#[cfg(test)]
mod tests;
