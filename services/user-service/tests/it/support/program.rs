//! Other people's programs, as the scripts of `dev/` run them.

use std::path::PathBuf;

use serde_json::Value;
use tokio::process::Command;

/// The folder of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Runs a script of `dev/`; what it prints.
pub async fn dev(script: &str, arguments: &[&str]) -> String {
    printed(Command::new(repository().join("dev").join(script)).args(arguments)).await
}

/// Runs a script of `dev/clients`, which prints JSON.
pub async fn client(script: &str, arguments: &[&str]) -> Value {
    let printed = client_text(script, arguments).await;
    serde_json::from_str(&printed)
        .unwrap_or_else(|error| panic!("{script} printed no JSON ({error}): {printed}"))
}

/// Runs a script of `dev/clients` with its libraries; what it prints.
pub async fn client_text(script: &str, arguments: &[&str]) -> String {
    let folder = PathBuf::from(dev("tool", &["clients"]).await);
    printed(Command::new("node").arg(folder.join(script)).args(arguments)).await
}

async fn printed(command: &mut Command) -> String {
    let output = command.output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
