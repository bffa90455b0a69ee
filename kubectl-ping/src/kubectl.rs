//! kubectl: with the context, the namespace and the rights of whoever runs this.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::arguments::{Cluster, Target};

impl Cluster {
    /// kubectl with context and namespace. It ends when it is dropped.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        for (option, value) in [("--context", &self.context), ("--namespace", &self.namespace)] {
            if let Some(value) = value {
                command.args([option, value]);
            }
        }
        command.kill_on_drop(true);
        command
    }

    /// What it prints, or an error in its own words.
    pub(crate) async fn output(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command().args(arguments).stdin(Stdio::null()).output().await;
        let output = output.with_context(|| format!("{} cannot be started", self.kubectl))?;
        if !output.status.success() {
            let words = arguments.iter().take(3).copied().collect::<Vec<_>>().join(" ");
            bail!("kubectl {words}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What it prints with `--output json`.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Result<Value> {
        let printed = self.output(&[arguments, &["--output", "json"]].concat()).await?;
        serde_json::from_str(&printed).context("kubectl printed no JSON")
    }

    /// Runs it with the terminal as its own.
    pub(crate) async fn shown(&self, arguments: &[&str]) -> Result<()> {
        let status = self.command().args(arguments).status().await;
        let status = status.with_context(|| format!("{} cannot be started", self.kubectl))?;
        if !status.success() {
            bail!("kubectl failed, see above");
        }
        Ok(())
    }

    /// Merges a patch into a PingStack.
    pub(crate) async fn patch(&self, stack: &str, patch: &Value) -> Result<()> {
        let arguments = ["patch", "pingstack", stack, "--type", "merge", "--patch-file", "/dev/stdin"];
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", self.kubectl))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(patch.to_string().as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("kubectl patch pingstack: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// The only PingStack of the namespace, unless one is named.
    pub(crate) async fn only_stack(&self, name: Option<&String>) -> Result<String> {
        if let Some(name) = name {
            return Ok(name.clone());
        }
        let names = ["get", "pingstacks", "--output", "jsonpath={.items[*].metadata.name}"];
        let names = self.output(&names).await.context("kubectl finds no PingStacks")?;
        match names.split_whitespace().collect::<Vec<_>>()[..] {
            [name] => Ok(name.to_owned()),
            [] => bail!("the namespace has no PingStack: name another with --namespace"),
            ref several => bail!("which PingStack? name one: {}", several.join(", ")),
        }
    }
}

impl Target {
    /// The name of the stack.
    pub(crate) async fn stack(&self) -> Result<String> {
        self.cluster.only_stack(self.name.as_ref()).await
    }
}

/// The selector of what belongs to a stack.
pub(crate) fn selector(stack: &str) -> String {
    format!("pingstack.dev/stack={stack}")
}
