//! Entry point: parse, telemetry, run, exit code.

use std::{io::Write as _, process::ExitCode, time::Duration};

use service_kit::{
    open_files,
    shutdown::Shutdown,
    telemetry::{self, LogFormat},
    tls,
};
use traces::{Lines, Program};
use user_service::{
    accounts,
    config::{Config, DirectoryCommand, DirectoryTask, Task},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The crates that may log everything.
const OWN_CRATES: &[&str] = &["user_service", "service_kit", "traces", "amqp", "ping_contract"];

#[tokio::main]
async fn main() -> ExitCode {
    tls::install_provider();
    let started = match Task::parse() {
        Task::Serve(config) => start(*config).await,
        Task::Directory(task) => directory(&task).await,
    };
    match started {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(error = telemetry::chain(&*error), "could not start");
            ExitCode::FAILURE
        }
    }
}

async fn start(config: Config) -> Result<ExitCode, anyhow::Error> {
    let lines = Lines { format: config.log_format, filter: format!("{},{}", config.log_filter, amqp::QUIET) };
    let program = Program { name: "user-service", version: env!("CARGO_PKG_VERSION"), crates: OWN_CRATES };
    let exporter = traces::init(&lines, program, &config.traces)?;
    open_files::raise_limit();
    let shutdown = Shutdown::on_signals()?;
    let grace = config.shutdown_grace;
    let audit = user_service::run(config, shutdown.clone()).await?;
    let finish = shutdown.finish(grace).await;
    if !audit.flush(Duration::from_secs(1)) {
        tracing::warn!("the last lines of the audit log could not be written");
    }
    exporter.flush().await;
    Ok(finish.into())
}

/// Prints what was found or done; the exit code is 0 if nothing is left to do.
async fn directory(task: &DirectoryTask) -> Result<ExitCode, anyhow::Error> {
    telemetry::init(LogFormat::Compact, "warn", OWN_CRATES)?;
    let settings = task.settings()?;
    let trouble = |trouble: accounts::DirectoryTrouble| anyhow::anyhow!(trouble.message());
    let (printed, is_done) = match task.command {
        DirectoryCommand::Check => {
            let report = accounts::check(&settings).await.map_err(trouble)?;
            (report.to_string(), report.is_clean())
        }
        DirectoryCommand::Restore => {
            let restored = accounts::restore(&settings).await.map_err(trouble)?;
            (restored.to_string(), restored.is_complete())
        }
    };
    std::io::stdout().write_all(printed.as_bytes())?;
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
