//! What can be set, and the only reader of the environment.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, ValueEnum};
use secrecy::SecretString;

/// Measures both services beside what limits them.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
pub(crate) enum Command {
    /// Runs everything, and prints the table
    Run(RunOptions),
    /// The limit of the login path: the same Redis script and the same confirmed publish, no HTTP. Reads user-service's
    /// environment
    #[command(hide = true)]
    BareLogin(BareLoginOptions),
    /// The limit of the mail path: SMTP and nothing else
    #[command(hide = true)]
    BareSmtp(BareSmtpOptions),
    /// Compares the micro benchmarks' instruction counts with the committed ones; fails outside the tolerance
    Instructions(InstructionsOptions),
}

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Logins in closed loop.
    Login,
    /// Mail events to a local SMTP sink.
    Mail,
    /// Many live codes, and a long queue; one round.
    Scale,
    /// Logins beside the original's login, written with its libraries. Needs Node.js.
    Original,
}

/// The run.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunOptions {
    /// How often each row is measured, service and limit in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// How long one measurement of the login path lasts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,
    /// How many events one measurement of the mail path has
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub(crate) mails: u32,
    /// The largest scale row: so many live codes, and so many events in the queue
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    pub(crate) scale_to: u32,
    /// Which parts
    #[arg(long, value_delimiter = ',', default_values_t = [Part::Login, Part::Mail, Part::Scale], value_enum)]
    pub(crate) parts: Vec<Part>,
    /// Folder of the scripts of dev/clients beside their libraries, for the part `original`
    #[arg(long)]
    pub(crate) clients: Option<PathBuf>,
    /// Folder of the raw rounds
    #[arg(long, default_value = "bench/results")]
    pub(crate) results: PathBuf,
    /// The servers
    #[command(flatten)]
    pub(crate) servers: ServerOptions,
}

/// The servers: their content is lost.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerOptions {
    /// A Redis database that is empty, and is emptied again and again
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub(crate) redis_url: String,
    /// Host of a broker; a vhost of the run's own is made on it, and deleted
    #[arg(long, env = "RABBITMQ_HOST")]
    pub(crate) rabbitmq_host: String,
    /// Its AMQP port
    #[arg(long, env = "RABBITMQ_PORT", default_value_t = 5672)]
    pub(crate) rabbitmq_port: u16,
    /// An administrator
    #[arg(long, env = "RABBITMQ_USER")]
    pub(crate) rabbitmq_user: String,
    /// Their password
    #[arg(long, env = "RABBITMQ_PASSWORD", hide_env_values = true)]
    pub(crate) rabbitmq_password: SecretString,
    /// Its management API
    #[arg(long, env = "RABBITMQ_MANAGEMENT_URL")]
    pub(crate) rabbitmq_management_url: String,
}

/// One bare loop over Redis and the broker.
#[derive(Debug, Args)]
pub(crate) struct BareLoginOptions {
    /// Logins under way at once
    #[arg(long)]
    pub(crate) connections: u32,
    /// How long
    #[arg(long)]
    pub(crate) seconds: u32,
    /// The first address; each login has its own
    #[arg(long)]
    pub(crate) first: u64,
}

/// One bare loop over SMTP.
#[derive(Debug, Args)]
pub(crate) struct BareSmtpOptions {
    /// The sink
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Connections at once
    #[arg(long)]
    pub(crate) connections: u32,
    /// Mails over all of them
    #[arg(long)]
    pub(crate) mails: u32,
}

/// The comparison.
#[derive(Debug, Args)]
pub(crate) struct InstructionsOptions {
    /// Folder in which the micro benchmarks left their summaries
    #[arg(long)]
    pub(crate) summaries: PathBuf,
    /// The committed counts
    #[arg(long, default_value = "bench/instructions.json")]
    pub(crate) committed: PathBuf,
    /// How far a count may be off, in per cent
    #[arg(long, default_value_t = 5.0)]
    pub(crate) tolerance: f64,
    /// Writes the new counts instead of comparing
    #[arg(long)]
    pub(crate) accept: bool,
}
