//! Looks after the folder of keys while the service runs: a mounted Secret rotates without a restart.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use service_kit::{backoff, health::HealthCheck, shutdown::Shutdown, telemetry::chain};

use super::{
    SigningKey,
    key_folder::{self, KeyFile, KeyFolderError},
    key_ring::{KeyRing, PublicationTimes},
    publication::Publication,
};

/// How often the folder is read. Kubernetes itself takes up to a minute to write a changed Secret into a pod.
const PERIOD: Duration = Duration::from_secs(5);

/// Called with all keys, the one that signs first.
pub type OnChange = Box<dyn Fn(&[SigningKey]) + Send + Sync>;

/// What the watcher keeps up to date.
pub struct Watched {
    pub ring: KeyRing,
    /// Called after any change of the keys.
    pub on_change: OnChange,
    /// Whether the folder can be used. The keys in memory stay in use when it cannot.
    pub check: HealthCheck,
}

/// Takes into use what the folder holds, until the shutdown. A folder that cannot be used leaves the keys as they are.
pub async fn watch(watched: Watched, folder: PathBuf, publication: Publication, shutdown: Shutdown) {
    let mut complained = false;
    let mut times = PublicationTimes::default();
    loop {
        match read(folder.clone()).await {
            Ok(files) => {
                complained = false;
                watched.check.set_usable();
                // Without Redis, what was known of the keys still holds.
                match publication.times(&files).await {
                    Ok(told) => times = told,
                    Err(error) => {
                        tracing::debug!(error = chain(&error), "the ages of signing keys are not known");
                    }
                }
                watched.take(files, &times);
            }
            Err(error) => {
                watched.check.set_unusable(error.reason(), error.message());
                if !complained {
                    tracing::warn!(error = chain(&error), "keeping the signing keys in use");
                }
                complained = true;
            }
        }
        if backoff::pause(PERIOD, &shutdown).await.is_err() {
            return;
        }
    }
}

async fn read(folder: PathBuf) -> Result<Vec<KeyFile>, KeyFolderError> {
    let path = folder.display().to_string();
    let files = tokio::task::spawn_blocking(move || key_folder::read(&folder)).await;
    files.unwrap_or_else(|error| Err(KeyFolderError::Read { path, source: std::io::Error::other(error) }))
}

impl Watched {
    fn take(&self, files: Vec<KeyFile>, times: &PublicationTimes) {
        let before = self.ring.kids();
        let signing = self.ring.replace(files, times, Instant::now());
        if self.ring.kids() != before {
            tracing::info!(keys = ?self.ring.kids(), "signing keys changed");
        }
        if let Some(kid) = &signing {
            tracing::info!(kid, "another key signs now");
        }
        if signing.is_some() || self.ring.kids() != before {
            (self.on_change)(&self.ring.keys());
        }
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("ring", &self.ring).finish_non_exhaustive()
    }
}
