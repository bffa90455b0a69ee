//! Programs that reach the cluster from outside: kubectl for commands in pods, Helm for charts, scripts for its machines.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use tokio::{io::AsyncWriteExt as _, process::Command};

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
    printed(&program.to_string(), output)
}

/// Runs a program with this standard input, and returns what it printed.
pub(crate) async fn run_with_input(
    program: &Path,
    arguments: &[&str],
    input: &[u8],
) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = program.display();
    let mut child = command.spawn().map_err(|error| format!("{program} did not start: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).await.map_err(|error| format!("{program} did not read: {error}"))?;
    }
    printed(&program.to_string(), child.wait_with_output().await)
}

fn printed(program: &str, output: std::io::Result<Output>) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        output.map_err(|error| format!("{program} did not start: {error}"))?;
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        return Ok(stdout);
    }
    // The arguments are not printed: they may hold a password.
    Err(format!("{program} failed with {status}: {}{stdout}", String::from_utf8_lossy(&stderr)))
}
