//! The repository's own checks, and what is generated from its sources: `cargo xtask` lists the commands.
//!
//! A check is a module with a function that returns a sentence about what it checked, or an error that names every
//! violation and what to do. Its unit tests plant a violation.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: what it prints is its result"
)]

mod advisories;
mod cargo;
mod charts;
mod demo;
mod direction;
mod docker_context;
mod docs;
mod environment;
mod gitops;
mod images;
mod kubernetes;
mod monitoring;
mod program;
mod release;
mod repository;
mod scripts;
mod suites;
mod tilt;
mod workflows;

use std::process::ExitCode;

use anyhow::{Result, bail};

use repository::Repository;

type Check = fn(&Repository) -> Result<String>;

/// The checks of `make check`, in the order in which they run. They need neither Go nor Helm.
const CHECKS: [(&str, Check); 6] = [
    ("check-direction", direction::check),
    ("check-scripts", scripts::check),
    ("check-docker-context", docker_context::check),
    ("check-workflows", workflows::check),
    ("check-monitoring", monitoring::check),
    ("check-docs", docs::check),
];

const USAGE: &str = "\
usage: cargo xtask COMMAND
  check                    all checks of the next six lines
  check-direction          nothing imports a program but bench, and no room imports one above it
  check-scripts            every script parses, and shellcheck finds nothing
  check-docker-context     .dockerignore lets in every member of the workspace, the Dockerfile knows every program
  check-workflows          every action of the workflows is pinned by its commit
  check-monitoring         alerts and dashboard: promtool, a page and a test for each alert, known metrics
  check-docs               every link leads somewhere, and every file that a document names exists
  check-advisories         known vulnerabilities of the dependencies, where their database can be reached
  check-charts             generated files, lint, helm-unittest, and all objects against Kubernetes' schemas
  check-gitops             what kstatus and Argo CD, by their own code, make of a PingStack in each state
  write-charts             writes the charts' generated files and k8s/install.yaml
  up                       the whole platform on a cluster, and one sign-in: make up
  down                     undoes it: make down
  login [EMAIL]            one sign-in at the Ping that runs: make login
  load [N]                 logins at the demo of make up, until the queue is empty again: make load
  images [--list LIST] [NAME…]
                           builds all images of a list, or those named, and loads them into the cluster in use; LIST is
                           k8s/images/list if it is left out. PREBUILT=0 compiles in the Dockerfile, CLUSTER=none loads nothing
  tilt up|down|ci          Ping on the cluster by Tilt, as you edit it; tilt image PROGRAM makes an image for the Tiltfile
  test-cluster [CASE…]     a suite of tests/cluster on the cluster in use: tests/cluster/run says more
  test-faults [full] [NAME…]
                           the fault suite: dev/test-faults says more
  bench [OPTION…]          measures both services beside what limits them, on servers of its own, and prints the table, with
                           the options of bench run, such as --rounds 1 --seconds 3 --mails 2000 --parts login,mail. Raw
                           rounds are in bench/results
  bench micro [--accept]   counts the instructions of the pure steps under valgrind and compares them with
                           bench/instructions.json; fails outside 5 %; --accept writes the new counts
  release                  pushes images and charts to REGISTRY, and signs them: make release
  test-release             the same into a registry on this machine, which is then examined
  rooms FOLDER             prints which rooms of a crate import which, to find the order of a table
  render-install [ARG…]    prints k8s/install.yaml; arguments go to helm template";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&Repository::of_this_program(), &arguments) {
        Ok(text) => {
            if !text.is_empty() {
                println!("{text}");
            }
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
    match (command.as_str(), rest) {
        ("render-install", arguments) => return charts::render_install(repository, arguments),
        ("images", [option, list, names @ ..]) if option == "--list" => {
            return images::for_the_cluster(repository, list, names);
        }
        ("images", names) => return images::for_the_cluster(repository, images::LISTS[0], names),
        ("tilt", arguments) => return tilt::run(repository, arguments),
        ("test-cluster", cases) => return suites::cluster(repository, cases),
        ("test-faults", names) => return suites::faults(repository, names),
        ("bench", options) => return suites::bench(repository, options),
        ("login", [] | [_]) => return demo::login(repository, rest.first().map(String::as_str)),
        ("load", [] | [_]) => return demo::load(repository, rest.first().map(String::as_str)),
        ("rooms", [folder]) => return direction::print_rooms(repository, folder),
        _ => {}
    }
    if !rest.is_empty() {
        bail!("{command} takes no arguments\n{USAGE}");
    }
    match command.as_str() {
        "check" => check_all(repository),
        "check-charts" => named(command, charts::check(repository)),
        "check-gitops" => named(command, gitops::check(repository)),
        "check-advisories" => named(command, advisories::check(repository)),
        "write-charts" => charts::write(repository),
        "up" => demo::up(repository),
        "down" => demo::down(repository),
        "release" => release::run(repository),
        "test-release" => release::test(repository),
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
