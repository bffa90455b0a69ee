//! Redis' part of a service's configuration, the same in every service: `#[command(flatten)]` it.

use std::path::PathBuf;

use redis::{Client, ConnectionAddr};
use secrecy::{ExposeSecret as _, SecretString};
use service_kit::{
    config::from_secret,
    tls::{CaError, client_config},
};

use crate::dial::RedisServer;

/// Where Redis is.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct RedisArgs {
    /// Redis, redis:// or rediss://
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_parser = from_secret::<SecretString>)]
    pub redis_url: SecretString,
    /// PEM file with the CA of Redis' certificate; without it the public ones are trusted
    #[arg(long, env = "REDIS_CA_FILE")]
    pub redis_ca_file: Option<PathBuf>,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The library's error is left out: it may quote the password.
    #[error("REDIS_URL is not a URL such as redis://localhost:6379 or rediss://user:password@host:6379")]
    Url,
    #[error("REDIS_CA_FILE cannot be used")]
    CaFile(#[source] CaError),
}

impl RedisArgs {
    /// Reads the CA file. Nothing connects yet.
    pub fn client(&self) -> Result<RedisServer, ConfigError> {
        let client = Client::open(self.redis_url.expose_secret()).map_err(|_| ConfigError::Url)?;
        let ca_file = self.redis_ca_file.as_deref();
        let tls = match client.get_connection_info().addr() {
            ConnectionAddr::TcpTls { insecure: false, .. } => {
                Some(client_config(ca_file).map_err(ConfigError::CaFile)?)
            }
            // Certificates are verified, always.
            ConnectionAddr::TcpTls { .. } => return Err(ConfigError::Url),
            _ => None,
        };
        Ok(RedisServer::new(client, tls))
    }
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, RedisArgs, RedisServer};

    fn client(url: &str, ca_file: Option<&str>) -> Result<RedisServer, ConfigError> {
        RedisArgs { redis_url: url.into(), redis_ca_file: ca_file.map(Into::into) }.client()
    }

    #[test]
    fn a_line_break_at_the_end_of_the_url_is_left_out() {
        #[derive(clap::Parser)]
        struct Service {
            #[command(flatten)]
            redis: RedisArgs,
        }
        for end in ["\n", "\r\n"] {
            let url = format!("--redis-url=redis://:p@localhost:7000/2{end}");
            let service = <Service as clap::Parser>::parse_from(["service", &url]);
            let client = service.redis.client().unwrap();
            assert_eq!(client.info().redis_settings().db(), 2);
        }
    }

    #[test]
    fn a_wrong_url_is_rejected_without_being_quoted() {
        let error = client("http://ada:hunter2@host", None).unwrap_err();
        assert!(matches!(error, ConfigError::Url), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn a_ca_file_that_is_missing_is_named_by_its_setting() {
        let error = client("rediss://localhost", Some("/nowhere/ca.pem")).unwrap_err();
        assert!(error.to_string().contains("REDIS_CA_FILE"), "{error}");
    }
}
