//! Which rotations a stack asks for.

use kube::ResourceExt as _;
use pingstack_crd::PingStack;

use crate::names::{
    ROTATE_ANNOTATION, ROTATE_MAIL_KEYS_ANNOTATION, ROTATE_PEPPER_ANNOTATION, ROTATE_SIGNING_KEY_ANNOTATION,
};

/// The values of the annotations that ask for rotations; empty without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotations {
    /// Of the broker's passwords.
    pub broker_passwords: String,
    /// Of the signing key.
    pub signing_key: String,
    /// Of the pepper.
    pub pepper: String,
    /// Of the keys of sealed mails.
    pub mail_keys: String,
}

impl Rotations {
    pub(super) fn of(stack: &PingStack) -> Self {
        let value = |name: &str| stack.annotations().get(name).cloned().unwrap_or_default();
        Self {
            broker_passwords: value(ROTATE_ANNOTATION),
            signing_key: value(ROTATE_SIGNING_KEY_ANNOTATION),
            pepper: value(ROTATE_PEPPER_ANNOTATION),
            mail_keys: value(ROTATE_MAIL_KEYS_ANNOTATION),
        }
    }
}
