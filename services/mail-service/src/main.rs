//! Entry point: parse, telemetry, run, exit code.

use std::process::ExitCode;

use clap::Parser as _;
use mail_service::config::Config;
use service_kit::{shutdown::Shutdown, telemetry, tls};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::parse();
    tls::install_provider();
    match start(config).await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::init(config.log_format, &format!("{},{}", config.log_filter, broker::QUIET))?;
    let grace = config.shutdown_grace;
    let shutdown = Shutdown::on_signals()?;
    mail_service::run(config, shutdown.clone()).await?;
    Ok(shutdown.finish(grace).await.into())
}
