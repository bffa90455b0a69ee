//! A port of the operator on this machine.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{cluster::Operator, deadline, settings};

/// A forwarded port, for as long as this lives.
pub struct Forward {
    /// On 127.0.0.1.
    pub port: u16,
    _kubectl: Child,
}

impl Operator<'_> {
    /// Forwards a port of one of its pods.
    pub async fn forward(&self, port: u16) -> Forward {
        let mut command = Command::new(settings::program("kubectl"));
        command.args(["--namespace", self.namespace(), "port-forward", "deployment/ping-operator"]);
        command.arg(format!(":{port}")).stdout(Stdio::piped()).kill_on_drop(true);
        let mut kubectl =
            command.spawn().unwrap_or_else(|error| panic!("kubectl port-forward did not start: {error}"));
        let mut lines = kubectl.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let first = timeout(deadline::READ, async { lines.as_mut()?.next_line().await.ok().flatten() }).await;
        let first = first.ok().flatten().unwrap_or_default();
        let port = local_port(&first);
        Forward { port: port.unwrap_or_else(|| panic!("no forwarded port: {first}")), _kubectl: kubectl }
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
