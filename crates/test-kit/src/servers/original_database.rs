//! The database that the original always uses: one for all tests on a server.

use std::fs::File;

use super::shared_mongo_uri;

/// Keeps the database `user-service` of the shared MongoDB for one test at a time, in whatever process, until it is dropped.
#[derive(Debug)]
pub struct OriginalDatabaseLock {
    // Unlocks when it is closed.
    _file: File,
}

impl OriginalDatabaseLock {
    /// Waits until no other test has it.
    ///
    /// # Panics
    /// If there can be no such lock.
    pub async fn take() -> Self {
        let server = shared_mongo_uri().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let path = std::env::temp_dir().join(format!("ping-original-database-{server}"));
        let lock = || File::create(path).and_then(|file| file.lock().map(|()| file));
        match tokio::task::spawn_blocking(lock).await {
            Ok(Ok(file)) => Self { _file: file },
            other => panic!("the database of the original cannot be locked: {other:?}"),
        }
    }
}
