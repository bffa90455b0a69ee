//! Shows how a Ping on Kubernetes is, signs in to it, and helps with what is wrong. `kubectl ping` finds this program on the PATH.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: results go to standard output, progress to standard error"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a command has no shutdown: a signal ends it with all its tasks"
)]

mod arguments;
mod bundle;
mod change;
mod claims;
mod condition_words;
mod http;
mod kubectl;
mod load;
mod login;
mod logs;
mod mailpit;
mod mails;
mod operator;
mod peek;
mod port_forward;
mod sign_in;
mod stack;
mod status;
mod synthetic_login;
mod test;
#[cfg(test)]
mod test_server;
mod time;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Status(target) => status::run(&target).await,
        Command::Logs(arguments) => logs::run(&arguments).await,
        Command::Rotate(arguments) => change::rotate(&arguments).await,
        Command::Pause(target) => change::pause(&target, true).await,
        Command::Resume(target) => change::pause(&target, false).await,
        Command::Mails(arguments) => mails::run(&arguments).await,
        Command::SupportBundle(arguments) => bundle::run(&arguments).await,
        Command::Login(arguments) => login::run(&arguments).await,
        Command::Test(arguments) => test::run(&arguments).await,
        Command::AwaitOperator(arguments) => operator::run(&arguments).await,
        Command::Load(arguments) => load::run(&arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kubectl-ping: {error:#}");
            ExitCode::FAILURE
        }
    }
}
