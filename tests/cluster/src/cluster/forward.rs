//! A port of a pod on this machine.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{cluster::Operator, deadline, settings};

/// A forwarded port, for as long as this lives.
pub struct Forward {
    /// On 127.0.0.1.
    pub port: u16,
    _kubectl: Child,
    /// kubectl prints a line for each connection, and would end at the first that nobody can read.
    _lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Operator<'_> {
    /// Forwards a port of one of its pods.
    pub async fn forward(&self, port: u16) -> Forward {
        Forward::to(self.namespace(), "deployment/ping-operator", port).await
    }
}

impl Forward {
    pub(crate) async fn to(namespace: &str, target: &str, port: u16) -> Self {
        let mut command = Command::new(settings::program("kubectl"));
        command.args(["--namespace", namespace, "port-forward", target]);
        command.arg(format!(":{port}")).stdout(Stdio::piped()).kill_on_drop(true);
        let mut kubectl =
            command.spawn().unwrap_or_else(|error| panic!("kubectl port-forward did not start: {error}"));
        let mut lines = kubectl.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let first = timeout(deadline::READ, async { lines.as_mut()?.next_line().await.ok().flatten() }).await;
        let first = first.ok().flatten().unwrap_or_default();
        let port = local_port(&first);
        let port = port.unwrap_or_else(|| panic!("no forwarded port: {first}"));
        Self { port, _kubectl: kubectl, _lines: lines }
    }
}

/// `Forwarding from 127.0.0.1:41731 -> 8443`
fn local_port(line: &str) -> Option<u16> {
    line.strip_prefix("Forwarding from 127.0.0.1:")?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_first_line() {
        assert_eq!(local_port("Forwarding from 127.0.0.1:41731 -> 8443"), Some(41731));
        assert_eq!(local_port("error: unable to forward"), None);
    }
}
