//! `MAIL_OPEN_KEYS_DIR`: the private keys that open sealed mail events, one a file, read again while the service runs.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use sealed_mail::{KeyError, KeyId, Opener, PrivateKey};
use service_kit::{backoff, config::visible_files, shutdown::Shutdown, telemetry::chain};
use zeroize::Zeroizing;

/// How often the folder is read. Kubernetes itself takes up to a minute to write a changed Secret into a pod.
const PERIOD: Duration = Duration::from_secs(5);

/// The keys in use. Clones share a rotation.
#[derive(Debug, Clone)]
pub struct OpenKeys(Arc<ArcSwap<InUse>>);

/// One set of keys.
#[derive(Debug)]
struct InUse {
    ids: Vec<KeyId>,
    opener: Opener,
}

/// Why the folder cannot be used. It never holds what a file holds.
#[derive(Debug, thiserror::Error)]
pub enum OpenKeysError {
    #[error("{path} cannot be read: MAIL_OPEN_KEYS_DIR is a folder with one private key in each file")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} holds no private key: write the base64 of 32 random octets into it, or remove it")]
    Key {
        path: PathBuf,
        #[source]
        source: KeyError,
    },
}

impl OpenKeys {
    /// No keys: sealed events wait until there are some.
    #[must_use]
    pub fn none() -> Self {
        Self::of(Vec::new())
    }

    /// The keys in this folder.
    pub fn read(folder: &Path) -> Result<Self, OpenKeysError> {
        keys(folder).map(Self::of)
    }

    pub(crate) fn of(keys: Vec<PrivateKey>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(InUse::of(keys))))
    }

    /// Opens an event with the keys in use.
    pub fn open(
        &self,
        event: &sealed_mail::SealedEvent,
        expires_at_ms: i64,
    ) -> Result<sealed_mail::Contents, sealed_mail::OpenError> {
        self.0.load().opener.open(event, expires_at_ms)
    }

    /// Follows the folder until the shutdown. One that cannot be used leaves the keys in use.
    pub async fn follow(self, folder: PathBuf, shutdown: Shutdown) {
        let mut complained = false;
        while backoff::pause(PERIOD, &shutdown).await.is_ok() {
            let path = folder.clone();
            let read = tokio::task::spawn_blocking(move || keys(&path)).await;
            let read = read.unwrap_or_else(|error| {
                Err(OpenKeysError::Read { path: folder.clone(), source: io::Error::other(error) })
            });
            match read {
                Ok(keys) => {
                    complained = false;
                    self.take(keys);
                }
                Err(error) => {
                    if !complained {
                        tracing::warn!(error = chain(&error), "keeping the keys that open mail events");
                    }
                    complained = true;
                }
            }
        }
    }

    fn take(&self, keys: Vec<PrivateKey>) {
        let new = InUse::of(keys);
        if new.ids != self.0.load().ids {
            tracing::info!(keys = ?new.ids, "the keys that open mail events changed");
            self.0.store(Arc::new(new));
        }
    }
}

impl InUse {
    fn of(keys: Vec<PrivateKey>) -> Self {
        let mut ids = keys.iter().map(|key| key.public_key().id()).collect::<Vec<_>>();
        ids.sort();
        Self { ids, opener: Opener::new(keys) }
    }
}

fn keys(folder: &Path) -> Result<Vec<PrivateKey>, OpenKeysError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenKeysError::Read { path, source }
    };
    let key = |path: PathBuf| {
        let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(fail(&path))?);
        PrivateKey::from_base64(&text).map_err(|source| OpenKeysError::Key { path, source })
    };
    visible_files(folder).map_err(fail(folder))?.into_iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{remove_file, write};

    use tempfile::tempdir;

    use super::{OpenKeys, OpenKeysError, keys};

    const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    const OTHER: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";

    #[test]
    fn each_file_is_a_key_and_hidden_names_are_skipped() {
        let folder = tempdir().unwrap();
        write(folder.path().join("a"), KEY).unwrap();
        write(folder.path().join("b"), format!("{OTHER}\n")).unwrap();
        write(folder.path().join("..data"), "a link of the kubelet's").unwrap();
        assert_eq!(keys(folder.path()).unwrap().len(), 2);
        let in_use = OpenKeys::read(folder.path()).unwrap();
        let before = in_use.0.load().ids.clone();
        remove_file(folder.path().join("a")).unwrap();
        in_use.take(keys(folder.path()).unwrap());
        assert_eq!((before.len(), in_use.0.load().ids.len()), (2, 1));
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_contents() {
        let folder = tempdir().unwrap();
        write(folder.path().join("a"), "secret text").unwrap();
        let error = keys(folder.path()).unwrap_err();
        assert!(matches!(error, OpenKeysError::Key { .. }));
        let text = service_kit::telemetry::chain(&error);
        assert!(text.contains("/a holds no private key") && !text.contains("secret text"), "{text}");
        assert!(matches!(keys(&folder.path().join("none")), Err(OpenKeysError::Read { .. })));
    }
}
