//! Programs that reach the cluster from outside: kubectl for commands in pods, Helm for charts, scripts for its machines.

use std::{path::Path, process::Output};

use tokio::process::Command;

use crate::settings;

/// Runs kubectl or Helm, and returns what it printed.
pub(crate) async fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    run_path(Path::new(&settings::program(program)), arguments).await
}

/// Runs the program at a path, and returns what it printed.
pub(crate) async fn run_path(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    let program = program.display();
    let output = command.args(arguments).kill_on_drop(true).output().await;
    let Output { status, stdout, stderr } =
        output.map_err(|error| format!("{program} did not start: {error}"))?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        return Ok(stdout);
    }
    // The arguments are not printed: they may hold a password.
    Err(format!("{program} failed with {status}: {}{stdout}", String::from_utf8_lossy(&stderr)))
}
