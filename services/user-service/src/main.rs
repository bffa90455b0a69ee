//! Entry point: parse, telemetry, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use service_kit::{open_files, shutdown::Shutdown, telemetry, tls};
use user_service::config::Config;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The crates that may log everything.
const OWN_CRATES: &[&str] = &["user_service", "service_kit", "amqp", "ping_contract"];

#[tokio::main]
async fn main() -> ExitCode {
    tls::install_provider();
    let config = Config::parse();
    match start(config).await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(error = telemetry::chain(&*error), "could not start");
            ExitCode::FAILURE
        }
    }
}

async fn start(config: Config) -> Result<ExitCode, anyhow::Error> {
    telemetry::init(config.log_format, &format!("{},{}", config.log_filter, amqp::QUIET), OWN_CRATES)?;
    open_files::raise_limit();
    let shutdown = Shutdown::on_signals()?;
    let grace = config.shutdown_grace;
    user_service::run(config, shutdown.clone()).await?;
    Ok(shutdown.finish(grace).await.into())
}
