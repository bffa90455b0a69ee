//! The command line; `--help` is its reference.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[derive(Debug, Parser)]
#[command(
    name = "kubectl-ping",
    version,
    about = "Shows how a Ping on Kubernetes is, signs in to it, and helps with what is wrong."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a stack on one screen: its conditions in plain words, the queue, versions, and the last test sign-in.
    Status(Target),
    /// Sign in: request a code, read it from Mailpit or ask for it, verify it, and print the token's claims. Without an address
    /// and Mailpit the operator signs in, by a mail that goes through the stack's own queue.
    Login(Login),
    /// Show the log of a part of a stack.
    Logs(Logs),
    /// Replace passwords or keys that the operator made, without a rejected code or token.
    Rotate(Rotate),
    /// Have the operator leave a stack as it is, until it is resumed.
    Pause(Target),
    /// Have the operator look after a stack again.
    Resume(Target),
    /// Show mails that could not be delivered, and why.
    Mails(Mails),
    /// Collect what support needs into an archive, without secrets, addresses and codes.
    SupportBundle(SupportBundle),
    /// Test a stack, as `helm test` does: nothing is asked for, and each step that works is one line.
    Test(Test),
    /// Wait until the operator is ready and one of its replicas reconciles.
    AwaitOperator(AwaitOperator),
    /// Request many codes, 8 at a time; print the status and the address of each.
    Load(Load),
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The address to sign in with. With Mailpit a new one is made up if there is none.
    #[arg(long)]
    pub(crate) email: Option<String>,
    #[command(flatten)]
    pub(crate) stack: Stack,
    /// What to print at the end.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// How many seconds 503 responses are retried, and how long the mail may take.
    #[arg(long, value_parser = seconds, default_value = "60")]
    pub(crate) deadline: Duration,
}

/// Where user-service and Mailpit are.
#[derive(Debug, Args)]
pub(crate) struct Stack {
    /// user-service's URL. Without it the Service of the stack is reached by `kubectl port-forward`.
    #[arg(long, env = "USER_SERVICE_URL")]
    pub(crate) url: Option<String>,
    /// Mailpit's URL: the code is read there.
    #[arg(long, env = "MAILPIT_URL", conflicts_with = "mailpit_service")]
    pub(crate) mailpit: Option<String>,
    /// A Mailpit in the stack's namespace by the name of its Service, reached by `kubectl port-forward`.
    #[arg(long)]
    pub(crate) mailpit_service: Option<String>,
    /// The PingStack; not needed if the namespace has only one.
    #[arg(long = "stack", value_name = "STACK")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

/// Which cluster, and where in it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Cluster {
    /// The stack's namespace, instead of the one of the kubectl context.
    #[arg(long, short)]
    pub(crate) namespace: Option<String>,
    /// The kubectl context, instead of the current one.
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// The program to reach the cluster with.
    #[arg(long, env = "KUBECTL", default_value = "kubectl")]
    pub(crate) kubectl: String,
}

/// A stack.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The PingStack; not needed if the namespace has only one.
    #[arg(value_name = "STACK")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Whose log.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) part: Part,
    /// How many lines of each pod.
    #[arg(long, default_value_t = 100)]
    pub(crate) tail: u32,
    /// Goes on with what is logged from now on.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// The logs of the containers before the last restart.
    #[arg(long)]
    pub(crate) previous: bool,
}

/// A part of a stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    UserService,
    #[default]
    MailService,
    Redis,
    Rabbitmq,
}

impl Part {
    /// The value of the label.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::UserService => "user-service",
            Self::MailService => "mail-service",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// What to replace.
    #[arg(value_enum)]
    pub(crate) what: Rotated,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rotated {
    /// The passwords of both services at the broker.
    BrokerPasswords,
    /// The key that signs access tokens.
    SigningKey,
    /// The key of the digests of codes.
    Pepper,
    /// The keys of sealed mails.
    MailKeys,
}

#[derive(Debug, Args)]
pub(crate) struct Mails {
    #[command(flatten)]
    pub(crate) target: Target,
    /// How many, the oldest first. Each takes about two seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct SupportBundle {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The archive. Without it `ping-STACK.tar.gz` in this folder.
    #[arg(long, short)]
    pub(crate) output: Option<PathBuf>,
    /// How many lines of each pod's log.
    #[arg(long, default_value_t = 2000)]
    pub(crate) tail: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// The claims of the token.
    #[default]
    Claims,
    /// The token alone.
    Token,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// user-service's URL.
    #[arg(long, env = "USER_SERVICE_URL")]
    pub(crate) url: String,
    /// The address that gets a mail. Without it no mail is sent, unless there is Mailpit.
    #[arg(long, env = "ADDRESS")]
    pub(crate) address: Option<String>,
    /// Mailpit's URL: the code is read there, and verified.
    #[arg(long, env = "MAILPIT_URL")]
    pub(crate) mailpit: Option<String>,
    /// How many seconds each step may take.
    #[arg(long, env = "DEADLINE_SECONDS", value_parser = seconds, default_value = "240")]
    pub(crate) deadline: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct AwaitOperator {
    /// The URL of the operator's management port.
    #[arg(long)]
    pub(crate) url: String,
    /// How many seconds each step may take.
    #[arg(long, value_parser = seconds, default_value = "120")]
    pub(crate) deadline: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Load {
    /// user-service's URL.
    #[arg(long, env = "USER_SERVICE_URL")]
    pub(crate) url: String,
    /// Codes are requested for PREFIX-1@example.org, PREFIX-2@example.org and so on.
    #[arg(long)]
    pub(crate) prefix: String,
    /// How many codes.
    #[arg(long)]
    pub(crate) count: u32,
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| format!("'{text}' is not a number of seconds"))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, builder::Resettable};

    use super::Arguments;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_login_has_one_mailpit_at_most() {
        // Whatever the environment of the tests names.
        let command = Arguments::command().mut_subcommand("login", |login| {
            login
                .mut_arg("url", |url| url.env(Resettable::Reset))
                .mut_arg("mailpit", |url| url.env(Resettable::Reset))
        });
        let parse = |words: &[&str]| {
            command.clone().try_get_matches_from([&["kubectl-ping", "login"], words].concat())
        };
        assert!(parse(&[]).is_ok(), "the operator signs in");
        assert!(parse(&["--email", "ada@example.org"]).is_ok());
        assert!(parse(&["--mailpit", "http://127.0.0.1:8025"]).is_ok());
        assert!(parse(&["--mailpit", "http://127.0.0.1:8025", "--mailpit-service", "mailpit"]).is_err());
    }
}
