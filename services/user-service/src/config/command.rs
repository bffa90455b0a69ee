//! What the program is asked to do: serve, or one of the commands for administrators.

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Config, ConfigError, accounts::database};
use crate::accounts::{DirectorySettings, parse_uri};

/// What the program is asked to do.
#[derive(Debug, Clone)]
pub enum Task {
    /// Serve, which is what it does without a subcommand.
    Serve(Box<Config>),
    /// `directory`.
    Directory(Box<DirectoryTask>),
}

/// Checks the directory of users, and prepares it for the original services
#[derive(Debug, Clone, Parser)]
#[command(name = "directory", version)]
pub struct DirectoryTask {
    /// What to do.
    #[command(subcommand)]
    pub command: DirectoryCommand,
    /// The directory of users, mongodb:// or mongodb+srv://
    #[arg(long, env = "MONGO_URI", hide_env_values = true, global = true)]
    mongo_uri: Option<SecretString>,
    /// The database with the collection users; not set = as user-service chooses it
    #[arg(long, env = "MONGO_DATABASE", value_parser = database, global = true)]
    mongo_database: Option<String>,
}

/// A command on the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum DirectoryCommand {
    /// List addresses that belong to several users, and users who cannot sign in; changes nothing
    Check,
    /// Put addresses back into the form that they had before Ping; for the way back to the original services
    Restore,
}

impl DirectoryTask {
    /// Where the directory is.
    pub fn settings(&self) -> Result<DirectorySettings, ConfigError> {
        let uri = self.mongo_uri.clone().ok_or(ConfigError::NoDirectory)?;
        parse_uri(uri.expose_secret()).map_err(ConfigError::MongoUri)?;
        Ok(DirectorySettings { uri, database: self.mongo_database.clone() })
    }
}

impl Task {
    /// From the command line and the environment; says what is wrong with them and ends the process.
    #[must_use]
    pub fn parse() -> Self {
        let command = service_kit::config::empty_is_unset(Self::command());
        Self::from_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }

    /// The settings of serving are not asked for where another task is named.
    pub(super) fn command() -> clap::Command {
        Config::command().subcommand(DirectoryTask::command()).subcommand_negates_reqs(true)
    }

    pub(super) fn from_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some((_, matches)) => {
                DirectoryTask::from_arg_matches(matches).map(|task| Self::Directory(Box::new(task)))
            }
            None => Config::from_arg_matches(matches).map(|config| Self::Serve(Box::new(config))),
        }
    }
}
