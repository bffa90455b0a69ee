//! `MAIL_SEAL_KEY_FILE`: mail events are sealed to mail-service's public key, so that no queue and no broker's disk holds a
//! readable code. Without it events go out in the original's form.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use ping_contract::{
    event::{EventId, MailEvent, PURPOSE_SIGN_IN},
    mail_text,
};
use rand::{SeedableRng as _, rngs::StdRng};
use sealed_mail::{Binding, Contents, KeyError, PublicKey, SealError, Sealer};
use service_kit::{backoff, shutdown::Shutdown, telemetry::chain};

use crate::random::{NoRandomness, random_bytes};

/// How often the file is read. Kubernetes itself takes up to a minute to write a changed `ConfigMap` into a pod.
const PERIOD: Duration = Duration::from_secs(5);

/// How long one agreed key seals events: see [`Sealer`].
const RENEWAL: Duration = Duration::from_mins(1);

/// Writes mail events, sealed where a key is set. Clones share a rotation.
#[derive(Debug, Clone, Default)]
pub struct MailSealing(Arc<ArcSwapOption<InUse>>);

/// The key in use.
#[derive(Debug)]
struct InUse {
    public: PublicKey,
    sealer: Sealer,
    since: Instant,
}

/// Why `MAIL_SEAL_KEY_FILE` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealKeyError {
    #[error("MAIL_SEAL_KEY_FILE cannot be read")]
    Read(#[source] std::io::Error),
    #[error("the first line of MAIL_SEAL_KEY_FILE is not a public key")]
    Key(#[source] KeyError),
    #[error("no event can be sealed with the key of MAIL_SEAL_KEY_FILE")]
    Seal(#[source] SealError),
    #[error("no random numbers to seal events with")]
    NoRandomness(#[source] NoRandomness),
}

/// Why an event was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum NotSealed {
    #[error("no random numbers to seal a mail event with")]
    NoRandomness(#[from] NoRandomness),
    #[error("a mail event was not sealed")]
    Seal(#[from] SealError),
}

impl MailSealing {
    /// With the key in this file, which must be there: events in clear are never the answer to a mistake.
    pub fn read(file: &Path) -> Result<Self, SealKeyError> {
        let sealing = Self::default();
        sealing.take(&std::fs::read_to_string(file).map_err(SealKeyError::Read)?)?;
        Ok(sealing)
    }

    /// The event as it goes over the wire. Its code expires at this time, in milliseconds since the Unix epoch.
    pub fn event(&self, id: &EventId, contents: Contents, expires_at_ms: i64) -> Result<Vec<u8>, NotSealed> {
        let Some(in_use) = self.0.load_full() else {
            let minutes = mail_text::minutes(contents.ttl_seconds);
            return Ok(MailEvent::sign_in_code(id.clone(), contents.to, &contents.code, minutes).to_json());
        };
        let binding = Binding { id, purpose: PURPOSE_SIGN_IN, expires_at_ms };
        Ok(in_use.sealer.seal(binding, &contents, random_bytes()?)?)
    }

    /// Takes the file's key into use, and agrees on a new key with its owner where it is time.
    fn take(&self, text: &str) -> Result<(), SealKeyError> {
        let public =
            PublicKey::from_base64(text.lines().next().unwrap_or_default()).map_err(SealKeyError::Key)?;
        let before = self.0.load_full();
        if before.as_ref().is_some_and(|old| old.public == public && old.since.elapsed() < RENEWAL) {
            return Ok(());
        }
        let mut random = StdRng::from_seed(random_bytes().map_err(SealKeyError::NoRandomness)?);
        let sealer = Sealer::new(&public, &mut random).map_err(SealKeyError::Seal)?;
        if before.is_none_or(|old| old.public != public) {
            tracing::info!(key = %public.id(), "mail events are sealed with this key now");
        }
        self.0.store(Some(Arc::new(InUse { public, sealer, since: Instant::now() })));
        Ok(())
    }

    /// Follows the file until the shutdown. A file that is gone or wrong leaves the last good key in use.
    pub async fn follow(self, file: PathBuf, shutdown: Shutdown) {
        let mut complained = false;
        while backoff::pause(PERIOD, &shutdown).await.is_ok() {
            let text = tokio::fs::read_to_string(&file).await.map_err(SealKeyError::Read);
            match text.and_then(|text| self.take(&text)) {
                Ok(()) => complained = false,
                Err(error) => {
                    if !complained {
                        tracing::warn!(error = chain(&error), "keeping the key that seals mail events");
                    }
                    complained = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::write;

    use ping_contract::{address::EmailAddress, event::EventId};
    use sealed_mail::{Contents, Opener, PrivateKey, SealedEvent};
    use tempfile::tempdir;

    use super::{MailSealing, SealKeyError};

    const EXPIRES_AT_MS: i64 = 1_790_000_300_000;

    fn contents() -> Contents {
        Contents {
            to: EmailAddress::parse("ada@example.org").unwrap(),
            code: "482931".to_owned(),
            ttl_seconds: 300,
        }
    }

    fn event(sealing: &MailSealing) -> Vec<u8> {
        sealing.event(&EventId::from_bytes([1; 16]), contents(), EXPIRES_AT_MS).unwrap()
    }

    #[test]
    fn without_a_key_an_event_is_the_originals() {
        let json = String::from_utf8(event(&MailSealing::default())).unwrap();
        assert!(json.contains("Your OTP code is 482931. It is valid for 5 minutes."), "{json}");
    }

    #[test]
    fn with_a_key_only_its_owner_reads_the_event() {
        let folder = tempdir().unwrap();
        let file = folder.path().join("key");
        let private = PrivateKey::from_random([7; 32]).unwrap();
        write(&file, private.public_key().to_base64() + "\n").unwrap();
        let sealing = MailSealing::read(&file).unwrap();
        let json = event(&sealing);
        assert!(!String::from_utf8_lossy(&json).contains("482931"));
        let read = SealedEvent::parse(&json).unwrap().unwrap();
        assert_eq!(Opener::new([private]).open(&read, EXPIRES_AT_MS), Ok(contents()));
    }

    #[test]
    fn another_key_is_taken_into_use_and_a_bad_one_is_not() {
        let [old, new] = [7, 8].map(|seed| PrivateKey::from_random([seed; 32]).unwrap());
        let sealing = MailSealing::default();
        sealing.take(&old.public_key().to_base64()).unwrap();
        let first = event(&sealing);
        assert!(matches!(sealing.take("no key"), Err(SealKeyError::Key(_))));
        assert!(matches!(sealing.take(""), Err(SealKeyError::Key(_))));
        let opened = |json: &[u8], key: &PrivateKey| {
            let event = SealedEvent::parse(json).unwrap().unwrap();
            Opener::new([key.clone()]).open(&event, EXPIRES_AT_MS).is_ok()
        };
        assert!(opened(&event(&sealing), &old), "a bad file turns nothing off");
        sealing.take(&new.public_key().to_base64()).unwrap();
        assert!(opened(&first, &old) && opened(&event(&sealing), &new));
    }

    #[test]
    fn a_file_that_is_set_and_missing_stops_the_start() {
        let folder = tempdir().unwrap();
        let read = |name: &str| MailSealing::read(&folder.path().join(name)).unwrap_err();
        assert!(matches!(read("missing"), SealKeyError::Read(_)));
        write(folder.path().join("empty"), "").unwrap();
        assert!(matches!(read("empty"), SealKeyError::Key(_)));
    }
}
