//! Entry point: parse, telemetry, run, exit code.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use clap::Parser as _;
use operator::config::{Cli, Command, Config};
use service_kit::{open_files, shutdown::Shutdown, telemetry, tls};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The crates that may log everything.
const OWN_CRATES: &[&str] =
    &["operator", "external_metrics", "service_kit", "rabbitmq_management", "ping_contract"];

fn main() -> anyhow::Result<ExitCode> {
    tls::install_provider();
    match Cli::parse().command {
        Command::Crd => print_crd().map(|()| ExitCode::SUCCESS),
        Command::Run(config) => {
            // It waits far more than it computes: a second thread would mostly wake the first. The blocking ones look
            // names up: unbounded, a hundred brokers made fifty, each with a heap of its own (seen).
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().max_blocking_threads(4).build()?.block_on(run(*config))
        }
    }
}

async fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::init(config.log_format, &config.log_filter, OWN_CRATES)?;
    open_files::raise_limit();
    let shutdown = Shutdown::on_signals()?;
    Ok(operator::run(config, shutdown).await?.into())
}

fn print_crd() -> anyhow::Result<()> {
    let yaml = serde_yaml::to_string(&pingstack_crd::versions::definition())
        .context("the CRD cannot be written as YAML")?;
    std::io::stdout().write_all(yaml.as_bytes())?;
    Ok(())
}
