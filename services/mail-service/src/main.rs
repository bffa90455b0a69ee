//! Entry point: parse, telemetry, run, exit code.

use std::process::ExitCode;

use mail_service::{
    config::{Config, Task, TemplatesTask, TestMail},
    templates, test_mail,
};
use service_kit::{
    open_files,
    shutdown::Shutdown,
    telemetry::{self, chain},
    tls,
};
use traces::{Lines, Program};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The crates that may log everything.
const OWN_CRATES: &[&str] = &["mail_service", "service_kit", "traces", "amqp", "ping_contract"];

#[tokio::main]
async fn main() -> ExitCode {
    let task = Task::parse();
    tls::install_provider();
    let ended = match task {
        Task::Serve(config) => serve(*config).await,
        Task::TestMail(settings) => send_test_mail(&settings).await,
        Task::Templates(task) => return show_templates(&task),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let lines = Lines { format: config.log_format, filter: format!("{},{}", config.log_filter, amqp::QUIET) };
    let program = Program { name: "mail-service", version: env!("CARGO_PKG_VERSION"), crates: OWN_CRATES };
    let exporter = traces::init(&lines, program, &config.traces)?;
    open_files::raise_limit();
    let grace = config.shutdown_grace;
    let shutdown = Shutdown::on_signals()?;
    mail_service::run(config, shutdown.clone()).await?;
    let finish = shutdown.finish(grace).await;
    exporter.flush().await;
    Ok(finish.into())
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it is for a person at a terminal, and no log")]
fn show_templates(task: &TemplatesTask) -> ExitCode {
    match templates::run(&task.command) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn send_test_mail(settings: &TestMail) -> anyhow::Result<ExitCode> {
    telemetry::init(settings.log_format, &settings.log_filter, OWN_CRATES)?;
    Ok(ExitCode::from(test_mail::run(settings).await?.exit_status()))
}
