//! Tokens, sessions and the directory of users, as settings.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use service_kit::config::from_secret;

use crate::{accounts::DirectorySettings, tokens::TokenOptions};

/// Accounts.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Accounts")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct AccountArgs {
    /// The directory of users, mongodb:// or mongodb+srv://; without it, people have an id and an address alone
    #[arg(long, env = "MONGO_URI", hide_env_values = true, value_parser = from_secret::<SecretString>)]
    pub mongo_uri: Option<SecretString>,
    /// The database with the collection users; not set = user-service, as the original has it, or the one that
    /// `MONGO_URI` names where only that one holds users
    #[arg(long, env = "MONGO_DATABASE", value_parser = database)]
    pub mongo_database: Option<String>,
    /// Show people each other's addresses
    #[arg(long, env = "DIRECTORY_EMAILS")]
    pub directory_emails: bool,
    /// Answer GET /api/v1/users, which shows every user to every user; false = 501
    #[arg(long, env = "LIST_USERS", default_value_t = true, action = clap::ArgAction::Set)]
    pub list_users: bool,
    /// Folder of Ed25519 keys in PKCS#8 PEM, one a file, that sign tokens (`EdDSA`); read again every 5 s. A key added
    /// beside another signs after 10 minutes; remove the old one once the new one signs
    #[arg(long, env = "TOKEN_SIGNING_KEYS_DIR")]
    pub token_signing_keys_dir: Option<PathBuf>,
    /// `iss` of `EdDSA` tokens
    #[arg(long, env = "TOKEN_ISSUER", default_value = "ping")]
    pub token_issuer: String,
    /// `aud` of `EdDSA` tokens
    #[arg(long, env = "TOKEN_AUDIENCE", default_value = "ping")]
    pub token_audience: String,
    /// Life of an `EdDSA` token, in seconds
    #[arg(long, env = "ACCESS_TTL_SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(60..=86_400))]
    pub access_ttl_seconds: u64,
    /// Domain of the cookie that /authz reads where a request has no Authorization header, such as example.org; not
    /// set = no cookie
    #[arg(long, env = "AUTH_COOKIE_DOMAIN", value_parser = domain)]
    pub auth_cookie_domain: Option<String>,
    /// Ask Redis at /authz and wherever a token is shown whether its session has ended, so that a sign-out counts at
    /// once: one read a request, and 503 while Redis does not answer. false = a token counts until it expires. What
    /// signs a token always asks
    #[arg(long, env = "AUTHZ_CHECK_SESSION", default_value_t = true, action = clap::ArgAction::Set)]
    pub authz_check_session: bool,
    /// Accept a code only together with the challenge that its login answered, so that others can only guess at
    /// codes that they asked for; clients of the original send none
    #[arg(long, env = "REQUIRE_CHALLENGE")]
    pub require_challenge: bool,
}

impl AccountArgs {
    /// Where the directory is, where there is one.
    #[must_use]
    pub fn directory(&self) -> Option<DirectorySettings> {
        let uri = self.mongo_uri.clone()?;
        Some(DirectorySettings { uri, database: self.mongo_database.clone() })
    }

    /// What `EdDSA` tokens say, and how long they live.
    #[must_use]
    pub fn token_options(&self) -> TokenOptions {
        TokenOptions {
            issuer: self.token_issuer.clone(),
            audience: self.token_audience.clone(),
            life: self.access_ttl(),
        }
    }

    /// Life of an access token.
    #[must_use]
    pub fn access_ttl(&self) -> Duration {
        Duration::from_secs(self.access_ttl_seconds)
    }
}

/// What MongoDB takes as the name of a database on every platform.
pub(super) fn database(text: &str) -> Result<String, &'static str> {
    let is_allowed = |c: char| !c.is_control() && !" /\\.\"$*<>:|?".contains(c);
    if text.is_empty() || text.len() > 63 || !text.chars().all(is_allowed) {
        return Err("use the name of a database, such as user-service");
    }
    Ok(text.to_owned())
}

/// Letters, digits, hyphens and dots: what cannot end a cookie's attribute.
fn domain(text: &str) -> Result<String, &'static str> {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    let domain = text.trim().trim_start_matches('.');
    if domain.is_empty() || !domain.bytes().all(word) {
        return Err("use a domain such as example.org, without scheme and port");
    }
    Ok(domain.to_ascii_lowercase())
}
