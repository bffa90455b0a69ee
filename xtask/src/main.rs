//! The repository's own checks, and what is generated from its sources: `cargo xtask` lists the commands.
//!
//! A check is a module with a function that returns a sentence about what it checked, or an error that names every
//! violation and what to do. Its unit tests plant a violation.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: what it prints is its result"
)]

mod charts;
mod direction;
mod docker_context;
mod docs;
mod monitoring;
mod program;
mod repository;
mod scripts;

use std::process::ExitCode;

use anyhow::{Result, bail};

use repository::Repository;

type Check = fn(&Repository) -> Result<String>;

/// The checks of `make check`, in the order in which they run. They need neither Go nor Helm.
const CHECKS: [(&str, Check); 5] = [
    ("check-direction", direction::check),
    ("check-scripts", scripts::check),
    ("check-docker-context", docker_context::check),
    ("check-monitoring", monitoring::check),
    ("check-docs", docs::check),
];

const USAGE: &str = "\
usage: cargo xtask COMMAND
  check                    all checks of the next five lines
  check-direction          nothing imports a program but bench, and no room imports one above it
  check-scripts            every script parses, and shellcheck finds nothing
  check-docker-context     .dockerignore lets in every member of the workspace
  check-monitoring         alerts and dashboard: promtool, a page and a test for each alert, known metrics
  check-docs               every link leads somewhere, and every file that a document names exists
  check-charts             generated files, lint, helm-unittest, and all objects against Kubernetes' schemas
  write-charts             writes the charts' generated files and k8s/install.yaml
  rooms FOLDER             prints which rooms of a crate import which, to find the order of a table
  render-install [ARG…]    prints k8s/install.yaml; arguments go to helm template";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&Repository::of_this_program(), &arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(repository: &Repository, arguments: &[String]) -> Result<String> {
    let Some((command, rest)) = arguments.split_first() else {
        return Ok(USAGE.to_owned());
    };
    if command == "render-install" {
        return charts::render_install(repository, rest);
    }
    if let ("rooms", [folder]) = (command.as_str(), rest) {
        return direction::print_rooms(repository, folder);
    }
    if !rest.is_empty() {
        bail!("{command} takes no arguments\n{USAGE}");
    }
    match command.as_str() {
        "check" => check_all(repository),
        "check-charts" => named(command, charts::check(repository)),
        "write-charts" => charts::write(repository),
        name => match CHECKS.iter().find(|check| check.0 == name) {
            Some((_, check)) => named(name, check(repository)),
            None => bail!("{name} is not a command\n{USAGE}"),
        },
    }
}

/// Runs every check, so that one run shows everything that is wrong.
fn check_all(repository: &Repository) -> Result<String> {
    let mut failures = Vec::new();
    for (name, check) in CHECKS {
        match named(name, check(repository)) {
            Ok(text) => println!("{text}"),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    Ok(format!("check: {} checks pass", CHECKS.len()))
}

fn named(name: &str, outcome: Result<String>) -> Result<String> {
    match outcome {
        Ok(text) => Ok(format!("{name}: {text}")),
        Err(error) => Err(error.context(name.to_owned())),
    }
}
