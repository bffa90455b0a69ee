//! Measures both services beside what limits them, and compares instruction counts with committed ones.
//!
//! In reading order:
//! - [`config`]: what can be set.
//! - [`run`]: the whole run. [`rig`]: what its parts measure with. [`login_path`], [`mail_path`], [`scale`], [`original`]: its parts.
//! - [`load`], [`requests`]: logins in closed loop. [`sink`]: the mail server at the other end.
//! - [`bare_login`], [`bare_smtp`], [`child`]: the limits, each a process of its own.
//! - [`branded`]: what sealed events and branded mails need.
//! - [`service`], [`servers`]: what is measured, and what it talks to.
//! - [`meter`], [`process`]: processor time and memory, from `/proc`.
//! - [`round`], [`statistics`], [`table`], [`aims`]: the measurements and how they are reported.
//! - [`instructions`]: the micro benchmarks' counts against `bench/instructions.json`.

mod aims;
mod backlog;
mod bare_login;
mod bare_smtp;
mod branded;
mod child;
mod config;
mod instructions;
mod load;
mod login_path;
mod mail_path;
mod meter;
mod original;
mod process;
mod requests;
mod rig;
mod round;
mod run;
mod scale;
mod servers;
mod service;
mod sink;
mod statistics;
mod table;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use config::Command;
use service_kit::tls;
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tls::install_provider();
    let ended = match Command::parse() {
        // One thread: a generator that wakes others costs the measured processes their cores.
        Command::Run(options) => one_thread().and_then(|runtime| runtime.block_on(run::run(options))),
        Command::BareLogin(options) => {
            threads().and_then(|runtime| runtime.block_on(bare_login::run(options)))
        }
        Command::BareSmtp(options) => threads().and_then(|runtime| runtime.block_on(bare_smtp::run(options))),
        Command::Instructions(options) => instructions::run(&options),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn one_thread() -> anyhow::Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// As the services': `TOKIO_WORKER_THREADS`, else one for each core.
fn threads() -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}
