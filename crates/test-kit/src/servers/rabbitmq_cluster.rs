//! Several RabbitMQ nodes of one test's own that are one cluster.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Output;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::TcpStream;

use super::rabbitmqctl::rabbitmqctl;
use super::{Broker, ServerProcess};
use crate::management::TestManagement;
use crate::port::free_port;
use crate::wait::wait_until;

/// A first start may have to make the root file system, and nodes wait for each other.
const START_DEADLINE: Duration = Duration::from_mins(5);

/// Nodes of one cluster. Needs root and the servers of the root file systems. Killed and removed when dropped.
#[derive(Debug)]
pub struct RabbitCluster {
    /// The nodes, in the order in which each knows of the others.
    pub nodes: Vec<RabbitNode>,
    /// After the nodes, which need it to their end.
    _port_mapper: ServerProcess,
}

/// One node of a cluster.
#[derive(Debug)]
pub struct RabbitNode {
    process: ServerProcess,
    broker: Broker,
}

impl RabbitCluster {
    /// Starts `count` nodes with more lines of `rabbitmq.conf`, and waits until all of them see each other running.
    pub async fn start(count: usize, configuration: &[&str]) -> Self {
        let epmd_port = free_port();
        let mapper = ["epmd", "--port", &epmd_port.to_string()].map(str::to_owned).to_vec();
        let port_mapper = ServerProcess::start(mapper, address(epmd_port), None);
        wait_until("the port mapper of a cluster", START_DEADLINE, || async {
            TcpStream::connect(address(epmd_port)).await.is_ok()
        })
        .await;
        let ports = (0..count).map(|_| free_port()).collect::<Vec<_>>();
        let formation = "cluster_formation";
        let mut lines = vec![format!("{formation}.peer_discovery_backend = classic_config")];
        lines.extend(ports.iter().enumerate().map(|(index, port)| {
            format!("{formation}.classic_config.nodes.{} = {}", index + 1, node_name(*port))
        }));
        lines.extend(configuration.iter().map(|&line| line.to_owned()));
        let nodes = ports.into_iter().map(|port| RabbitNode::start(port, epmd_port, &lines)).collect();
        let cluster = Self { nodes, _port_mapper: port_mapper };
        cluster.wait_until_united().await;
        cluster
    }

    /// Waits until every node sees all of them running.
    ///
    /// # Panics
    /// When they do not in five minutes.
    pub async fn wait_until_united(&self) {
        wait_until("all nodes of a cluster to see each other", START_DEADLINE, || async {
            let seen = join_all(self.nodes.iter().map(RabbitNode::running)).await;
            seen.into_iter().all(|running| running.len() == self.nodes.len())
        })
        .await;
    }
}

impl RabbitNode {
    fn start(port: u16, epmd_port: u16, configuration: &[String]) -> Self {
        let management_port = free_port();
        let amqp = port.to_string();
        let management = management_port.to_string();
        let epmd = epmd_port.to_string();
        let options =
            ["rabbitmq", "--port", &amqp, "--management-port", &management, "--epmd-port", &epmd, "--"];
        let options = options.into_iter().map(str::to_owned);
        let arguments = options.chain(configuration.iter().cloned()).collect();
        let broker = Broker {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port,
            user: "admin".to_owned(),
            password: "admin123".to_owned(),
            management_url: format!("http://127.0.0.1:{management_port}"),
        };
        Self { process: ServerProcess::start(arguments, address(port), None), broker }
    }

    /// How to reach it.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    #[must_use]
    pub fn management(&self) -> TestManagement {
        TestManagement::new(&self.broker)
    }

    /// Its name in the cluster.
    #[must_use]
    pub fn name(&self) -> String {
        node_name(self.broker.port)
    }

    /// Whether it takes AMQP connections.
    pub async fn listens(&self) -> bool {
        TcpStream::connect(address(self.broker.port)).await.is_ok()
    }

    /// The names of the nodes that it sees running; none if it does not answer.
    pub async fn running(&self) -> Vec<String> {
        let nodes = self.management().get("/api/nodes?columns=name,running").await.unwrap_or_default();
        let nodes = nodes.as_array().cloned().unwrap_or_default().into_iter();
        let running = nodes.filter(|node| node["running"] == true);
        running.filter_map(|node| node["name"].as_str().map(str::to_owned)).collect()
    }

    /// All that it has written to its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Kills it, as a crash does. Its data stays.
    pub async fn kill9(&mut self) {
        self.process.kill9().await;
    }

    /// Kills it, removes its data, and starts it on an empty disk, without waiting for it.
    pub async fn lose_disk(&mut self) {
        self.process.kill9().await;
        self.process.lose_data();
        self.process.start_again().await;
    }

    /// Runs `rabbitmqctl` on it.
    ///
    /// # Panics
    /// When the command cannot be run; what it says of a refusal is in its output.
    pub async fn ctl(&self, arguments: &[&str]) -> Output {
        rabbitmqctl(self.broker.port, arguments).await
    }
}

fn node_name(port: u16) -> String {
    format!("ping-{port}@localhost")
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
