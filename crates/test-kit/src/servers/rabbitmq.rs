//! A RabbitMQ of one test's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use super::rabbitmqctl::{in_shell, rabbitmqctl};
use super::{Broker, ServerProcess, SmallDisk};
use crate::certificates::Certificate;
use crate::management::TestManagement;
use crate::port::free_port;
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
        Self::start_with_files(configuration, disk, &[]).await
    }

    /// Speaks TLS on its port, with this certificate.
    pub async fn start_with_tls(certificate: &Certificate) -> Self {
        let folder = "/var/lib/rabbitmq";
        let lines = [
            format!("ssl_options.certfile = {folder}/tls.crt"),
            format!("ssl_options.keyfile = {folder}/tls.key"),
            format!("ssl_options.cacertfile = {folder}/ca.crt"),
            "ssl_options.verify = verify_none".to_owned(),
            "ssl_options.fail_if_no_peer_cert = false".to_owned(),
        ];
        let lines = lines.iter().map(String::as_str).collect::<Vec<_>>();
        Self::start_with_files(&lines, None, &certificate.files()).await
    }

    async fn start_with_files(
        configuration: &[&str],
        disk: Option<SmallDisk>,
        files: &[(&str, &str)],
    ) -> Self {
        let port = free_port();
        let management_port = free_port();
        let options = [
            "rabbitmq",
            "--port",
            &port.to_string(),
            "--management-port",
            &management_port.to_string(),
            "--",
        ];
        let mut arguments: Vec<String> =
            options.iter().chain(configuration).map(|&argument| argument.to_owned()).collect();
        if !files.is_empty() {
            // The port that the broker is known by speaks TLS; the plain one is another.
            arguments.push(format!("listeners.tcp.1 = 127.0.0.1:{}", free_port()));
            arguments.push(format!("listeners.ssl.1 = 0.0.0.0:{port}"));
        }
        let broker = Broker {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            user: "admin".to_owned(),
            password: "admin123".to_owned(),
            management_url: format!("http://127.0.0.1:{management_port}"),
        };
        let mut server =
            Self { process: ServerProcess::start_with_files(arguments, address(port), disk, files), broker };
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
    pub fn management(&self) -> TestManagement {
        TestManagement::new(&self.broker)
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

    /// `rabbitmqctl` for it as a command of a shell, which arguments may follow. Needed again after a restart.
    pub async fn ctl_in_shell(&self) -> String {
        in_shell(self.broker.port).await
    }

    /// Runs `rabbitmqctl` on it, as in `["set_vm_memory_high_watermark", "absolute", "1MB"]`.
    ///
    /// # Panics
    /// With what it says, when it fails.
    pub async fn ctl(&self, arguments: &[&str]) {
        let output = rabbitmqctl(self.broker.port, arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rabbitmqctl {arguments:?} failed: {said}");
    }

    async fn wait_until_it_answers(&mut self) {
        let management = self.management();
        let address = self.address();
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
