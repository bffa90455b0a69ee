//! Since when each key is published, kept in Redis: replicas and restarts agree on it, and no clock but Redis' counts.

use std::time::Duration;

use ping_contract::keys;
use redis::Script;
use redis_client::{RedisConnection, StoreError};

use super::{key_folder::KeyFile, key_ring::PublicationTimes};

/// How long the memory of a key outlasts its file.
const MEMORY: Duration = Duration::from_hours(30 * 24);

/// Tells Redis which keys there are, and asks since when.
#[derive(Debug, Clone)]
pub struct Publication {
    redis: RedisConnection,
    script: Script,
}

impl Publication {
    /// Over a connection that somebody keeps.
    #[must_use]
    pub fn new(redis: RedisConnection) -> Self {
        Self { redis, script: Script::new(include_str!("scripts/publish_keys.lua")) }
    }

    /// Notes keys that were not known, and answers all ages.
    pub async fn times(&self, files: &[KeyFile]) -> Result<PublicationTimes, StoreError> {
        let mut call = self.script.prepare_invoke();
        for file in files {
            call.key(keys::signing_key(file.key.kid()));
        }
        call.arg(MEMORY.as_millis().to_string());
        let answer = self.redis.invoke::<Vec<u64>>(&call).await?;
        let (now_ms, first) = answer.split_first().ok_or(StoreError::Answer)?;
        let first_ms =
            files.iter().zip(first).map(|(file, first)| (file.key.kid().to_owned(), *first)).collect();
        Ok(PublicationTimes { now_ms: *now_ms, first_ms })
    }
}
