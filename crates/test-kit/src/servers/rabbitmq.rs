//! A RabbitMQ of one test's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Command;

use super::{Broker, ServerProcess, SmallDisk};
use crate::management::Management;
use crate::port::free_port;
use crate::repository;
use crate::wait::wait_until;

/// A first start may have to make the root file system.
const START_DEADLINE: Duration = Duration::from_mins(5);

/// A private RabbitMQ with the management plugin. Killed and removed when dropped.
#[derive(Debug)]
pub struct RabbitServer {
    /// Kill, stop, pause and resume it here.
    pub process: ServerProcess,
    broker: Broker,
}

impl RabbitServer {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(&[], None).await
    }

    /// With more lines of `rabbitmq.conf`, as in `["vm_memory_high_watermark.absolute = 100MB"]`, and perhaps a small disk.
    pub async fn start_with(configuration: &[&str], disk: Option<SmallDisk>) -> Self {
        let (port, management_port) = (free_port(), free_port());
        let options = [
            "rabbitmq",
            "--port",
            &port.to_string(),
            "--management-port",
            &management_port.to_string(),
            "--",
        ];
        let arguments = options.iter().chain(configuration).map(|&argument| argument.to_owned()).collect();
        let broker = Broker {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            user: "admin".to_owned(),
            password: "admin123".to_owned(),
            management_url: format!("http://127.0.0.1:{management_port}"),
        };
        let mut server = Self { process: ServerProcess::start(arguments, address(port), disk), broker };
        server.wait_until_it_answers().await;
        server
    }

    /// How to reach it.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Its management API.
    #[must_use]
    pub fn management(&self) -> Management {
        Management::new(&self.broker)
    }

    /// Its AMQP address, for a [`Proxy`](crate::proxy::Proxy).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        address(self.broker.port)
    }

    /// Stops it if it runs, starts it on the same ports and data, waits until it answers.
    pub async fn restart(&mut self) {
        self.process.start_again().await;
        self.wait_until_it_answers().await;
    }

    /// Kills it, as a crash does. Its data stays.
    pub async fn kill9(&mut self) {
        self.process.kill9().await;
    }

    /// Runs `rabbitmqctl` on it, as in `["set_vm_memory_high_watermark", "absolute", "1MB"]`.
    ///
    /// # Panics
    /// With what it says, when it fails.
    pub async fn ctl(&self, arguments: &[&str]) {
        let mut command = Command::new(repository().join("dev/rabbitmqctl"));
        command.arg(self.broker.port.to_string()).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await;
        let output = output.unwrap_or_else(|error| panic!("dev/rabbitmqctl cannot be run: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rabbitmqctl {arguments:?} failed: {said}");
    }

    async fn wait_until_it_answers(&mut self) {
        let (management, address) = (self.management(), self.address());
        let process = &mut self.process;
        wait_until("a private RabbitMQ to answer", START_DEADLINE, || {
            process.assert_running();
            let management = management.clone();
            async move {
                management.get("/api/vhosts").await.is_some() && TcpStream::connect(address).await.is_ok()
            }
        })
        .await;
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
