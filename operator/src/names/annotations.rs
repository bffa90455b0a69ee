//! The annotations on a stack by which people ask for something, and the one that says what was made for them.

/// The annotation on a stack whose change rotates the broker's passwords.
pub const ROTATE_ANNOTATION: &str = "pingstack.dev/rotate-broker-passwords";

/// The annotation on a stack whose change replaces the signing key, where the operator made it.
pub const ROTATE_SIGNING_KEY_ANNOTATION: &str = "pingstack.dev/rotate-signing-key";

/// The annotation on a stack whose change replaces the pepper.
pub const ROTATE_PEPPER_ANNOTATION: &str = "pingstack.dev/rotate-pepper";

/// The annotation on a stack whose change replaces the keys of sealed mails.
pub const ROTATE_MAIL_KEYS_ANNOTATION: &str = "pingstack.dev/rotate-mail-keys";

/// The annotation on a stack with synthetic sign-ins whose change asks for one at once.
pub const SIGN_IN_ANNOTATION: &str = "pingstack.dev/sign-in";

/// The annotation on a Secret of broker passwords: the value of [`ROTATE_ANNOTATION`] that it was made for.
pub const ROTATION_ANNOTATION: &str = "pingstack.dev/rotation";
