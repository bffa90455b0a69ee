//! Asks each broker what cluster it is in.

use std::time::Duration;

use futures::future::join_all;
use rabbitmq_management::nodes::{NodeView, node_view};
use service_kit::{backoff, shutdown::Shutdown, telemetry::chain};

use super::members::{Broker, Brokers, Membership};
use crate::{broker_connections::BrokerConnections, controller::build::broker_topology::BrokerNode};

/// For one node: all are asked at once, and one that is away must not hold up the stack.
const DEADLINE: Duration = Duration::from_secs(4);

/// What looks like a split is asked again after this: a node that has just started answers before its neighbours have it
/// among those that run (0.6 s were seen).
const SETTLE: Duration = Duration::from_secs(2);

/// What all nodes report.
pub(in crate::controller) async fn ask(connections: &BrokerConnections, nodes: &[BrokerNode]) -> Brokers {
    let brokers = ask_once(connections, nodes).await;
    if !matches!(brokers.membership(), Membership::Split { .. }) {
        return brokers;
    }
    // A reconcile that has to end is dropped here.
    let _ = backoff::pause(SETTLE, &Shutdown::new()).await;
    ask_once(connections, nodes).await
}

async fn ask_once(connections: &BrokerConnections, nodes: &[BrokerNode]) -> Brokers {
    let answers = nodes.iter().map(|node| async move {
        let view = match tokio::time::timeout(DEADLINE, view(connections, node)).await {
            Ok(view) => view,
            Err(_) => Err("did not answer in 4 s".to_owned()),
        };
        let view = view.map_err(|why| format!("{}: {why}", node.pod));
        Broker { pod: node.pod.clone(), node: node.node.clone(), view }
    });
    Brokers(join_all(answers).await)
}

async fn view(connections: &BrokerConnections, node: &BrokerNode) -> Result<NodeView, String> {
    let management = connections.management(&node.management).map_err(|error| chain(&error))?;
    let view = node_view(&management).await.map_err(|error| chain(&error))?;
    // For seconds after a pod was replaced its name may still lead to another.
    if view.node == node.node { Ok(view) } else { Err("another node answered at its address".to_owned()) }
}
