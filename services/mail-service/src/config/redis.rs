//! Where Redis is, if there is one: the original mail-service needs none.

use std::path::PathBuf;

use redis_client::{ConfigError, RedisArgs, RedisServer};
use secrecy::SecretString;
use service_kit::config::from_secret;

/// Redis, which may be missing.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct OptionalRedisArgs {
    /// Redis, redis:// or rediss://, as user-service has it; not set = a mail may go out twice after a crash, and the clock of
    /// this machine decides what has expired
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_parser = from_secret::<SecretString>)]
    pub redis_url: Option<SecretString>,
    /// PEM file with the CA of Redis' certificate; without it the public ones are trusted
    #[arg(long, env = "REDIS_CA_FILE")]
    pub redis_ca_file: Option<PathBuf>,
}

impl OptionalRedisArgs {
    /// Reads the CA file. Nothing connects yet. `None` without a URL.
    pub fn client(&self) -> Result<Option<RedisServer>, ConfigError> {
        let Some(redis_url) = self.redis_url.clone() else { return Ok(None) };
        RedisArgs { redis_url, redis_ca_file: self.redis_ca_file.clone() }.client().map(Some)
    }
}
