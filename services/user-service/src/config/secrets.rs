//! The secrets, as settings.

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

use super::ConfigError;
use crate::{
    peppers::{LastingPeppers, Peppers, derive_key},
    tokens::{KeyRing, SigningKey},
};

/// The shortest `JWT_SECRET`, in octets: HS256 wants a key as long as its digest (RFC 7518, section 3.2).
const MIN_SECRET_OCTETS: usize = 32;

/// Secrets.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Secrets")]
pub struct SecretArgs {
    /// Signs tokens (HS256, 15 days, as the original's services read them), at least 32 octets; make one with:
    /// openssl rand -base64 48. Or set `TOKEN_SIGNING_KEYS_DIR`
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<SecretString>,
    /// Accept a `JWT_SECRET` under 32 octets: anyone who gets a token may then find the secret by trying
    #[arg(long, env = "ALLOW_SHORT_JWT_SECRET")]
    pub allow_short_jwt_secret: bool,
    /// Keys of the digests in Redis, as id:hex-digits, the current one first; derived from `JWT_SECRET` or the signing keys if not set
    #[arg(long, env = "OTP_PEPPERS", hide_env_values = true)]
    pub otp_peppers: Option<SecretString>,
    /// The same from a file, one a line, read again every 5 s: rotates without a restart
    #[arg(long, env = "OTP_PEPPERS_FILE", conflicts_with = "otp_peppers")]
    pub otp_peppers_file: Option<PathBuf>,
    /// File with the public key, in base64, that mail events are sealed to, read again every 5 s; the private one is in
    /// `MAIL_OPEN_KEYS_DIR` of mail-service. Not set = codes are readable in the queue
    #[arg(long, env = "MAIL_SEAL_KEY_FILE")]
    pub mail_seal_key_file: Option<PathBuf>,
    /// Key of the ids that people have without a directory, and that a later directory keeps; derived from
    /// `JWT_SECRET` if not set, so set it before that is rotated. Sessions and known networks are hashed under a key that follows
    /// from it; without it under the peppers, and they then end with their pepper
    #[arg(long, env = "USER_ID_SECRET", hide_env_values = true)]
    pub user_id_secret: Option<SecretString>,
}

impl SecretArgs {
    /// `JWT_SECRET` is long enough, or a short one was asked for.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let short =
            self.jwt_secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < MIN_SECRET_OCTETS);
        if short && !self.allow_short_jwt_secret {
            return Err(ConfigError::ShortSecret);
        }
        if short {
            tracing::warn!("JWT_SECRET is short, and accepted because ALLOW_SHORT_JWT_SECRET is set");
        }
        Ok(())
    }

    /// The peppers that are configured. Without any, those derived from the signing keys, or from `JWT_SECRET`.
    pub fn peppers(&self, ring: Option<&KeyRing>) -> Result<Peppers, ConfigError> {
        if let Some(file) = &self.otp_peppers_file {
            let text = std::fs::read_to_string(file)
                .map_err(|source| ConfigError::File { name: "OTP_PEPPERS_FILE", source })?;
            return Peppers::parse(&text).map_err(ConfigError::Peppers);
        }
        match (&self.otp_peppers, ring, &self.jwt_secret) {
            (Some(text), ..) => Peppers::parse(text.expose_secret()).map_err(ConfigError::Peppers),
            (None, Some(ring), _) => {
                Ok(Peppers::derived_from_keys(ring.keys().iter().map(SigningKey::pepper_secret)))
            }
            (None, None, Some(secret)) => Ok(Peppers::derived_from(secret.expose_secret().as_bytes())),
            (None, None, None) => Err(ConfigError::NoTokenKey),
        }
    }

    /// Whether the peppers follow from the token keys.
    #[must_use]
    pub fn peppers_are_derived(&self) -> bool {
        self.otp_peppers.is_none() && self.otp_peppers_file.is_none()
    }

    /// The keys of sessions' records and of known networks.
    #[must_use]
    pub fn lasting_peppers(&self, peppers: &Peppers) -> LastingPeppers {
        let secret = self.user_id_secret.as_ref().map(|secret| secret.expose_secret().as_bytes());
        LastingPeppers::new(secret, peppers.clone())
    }

    /// The key of the ids that people have without a directory; `None` where nothing stays the same long enough.
    #[must_use]
    pub fn user_id_key(&self) -> Option<[u8; 32]> {
        let secret = self.user_id_secret.as_ref().or(self.jwt_secret.as_ref())?;
        Some(derive_key(secret.expose_secret().as_bytes(), "ping/user-id/1"))
    }
}
