//! `kubectl port-forward` to a Service, on a free port of 127.0.0.1.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

/// It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct PortForward {
    _child: Child,
    port: u16,
}

impl PortForward {
    /// `kubectl` has its context and namespace already, and ends when it is dropped.
    pub(crate) async fn start(mut kubectl: Command, service: &str, port: u16) -> Result<Self> {
        kubectl.args([
            "port-forward",
            "--address",
            "127.0.0.1",
            &format!("service/{service}"),
            &format!(":{port}"),
        ]);
        let mut child = kubectl.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().context("kubectl has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let Ok(first) = timeout(DEADLINE, lines.next_line()).await else {
            bail!("kubectl did not reach the Service {service} within {} s", DEADLINE.as_secs());
        };
        let Some(port) = first?.as_deref().and_then(local_port) else {
            let mut message = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut message).await?;
            }
            bail!("kubectl does not reach the Service {service}: {}", message.trim());
        };
        // kubectl prints a line for each connection, and would wait for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { _child: child, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// `Forwarding from 127.0.0.1:41093 -> 5000`
fn local_port(line: &str) -> Option<u16> {
    line.strip_prefix("Forwarding from 127.0.0.1:")?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Command, PortForward, local_port};

    fn program(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).kill_on_drop(true);
        command
    }

    #[test]
    fn the_port_is_in_the_first_line() {
        assert_eq!(local_port("Forwarding from 127.0.0.1:41093 -> 5000"), Some(41093));
        assert_eq!(local_port("Forwarding from [::1]:41093 -> 5000"), None);
        assert_eq!(local_port("error: services \"demo\" not found"), None);
    }

    #[tokio::test]
    async fn a_forward_has_the_url_of_its_port() {
        let kubectl = program("echo 'Forwarding from 127.0.0.1:4109 -> 5000'; exec sleep 60");
        assert_eq!(
            PortForward::start(kubectl, "mailpit", 8025).await.unwrap().url(),
            "http://127.0.0.1:4109"
        );
    }

    #[tokio::test]
    async fn a_service_that_is_not_there_is_reported_in_kubectls_words() {
        let kubectl = program("echo 'services \"mailpit\" not found' >&2; exit 1");
        let error = PortForward::start(kubectl, "mailpit", 8025).await.unwrap_err().to_string();
        assert!(error.ends_with("Service mailpit: services \"mailpit\" not found"), "{error}");
    }
}
