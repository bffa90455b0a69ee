//! Three nodes that are one cluster, one of which loses its disk.

use std::{collections::BTreeSet, time::Duration};

use rabbitmq_management::{
    Management, ManagementConfig,
    nodes::{NodeView, node_view},
    queues::queues,
};
use serde_json::json;
use test_kit::{
    servers::{RabbitCluster, RabbitNode},
    wait::{wait_for, wait_until},
};

/// Three times what any of the waits below took on a busy machine.
const DEADLINE: Duration = Duration::from_mins(3);

/// As the operator configures three brokers.
const WAITS: [&str; 2] =
    ["cluster_formation.discovery_retry_limit = 1000000", "cluster_formation.discovery_retry_interval = 500"];

fn management(node: &RabbitNode) -> Management {
    let broker = node.broker();
    let config = ManagementConfig {
        url: broker.management_url.clone(),
        user: broker.user.clone(),
        password: broker.password.clone().into(),
        ca_file: None,
    };
    Management::new(&config).unwrap()
}

fn names<'a>(nodes: impl IntoIterator<Item = &'a RabbitNode>) -> BTreeSet<String> {
    nodes.into_iter().map(RabbitNode::name).collect()
}

/// What a node reports, once that is as wanted.
async fn view(what: &str, node: &RabbitNode, wanted: impl Fn(&NodeView) -> bool) -> NodeView {
    let management = management(node);
    wait_for(what, DEADLINE, || async { node_view(&management).await.ok().filter(|view| wanted(view)) }).await
}

/// Times that the log has a refusal by a peer that still knows the lost node.
fn refusals(node: &RabbitNode) -> usize {
    node.log().matches("could not auto-cluster").count()
}

#[tokio::test]
async fn a_node_without_its_disk_waits_until_it_is_forgotten_and_then_joins() {
    let mut cluster = RabbitCluster::start(3, &WAITS).await;
    let all = names(&cluster.nodes);
    cluster.nodes[0].management().put("/api/queues/%2f/mail", &json!({ "durable": true })).await;
    cluster.nodes[2].lose_disk().await;
    let [first, second, lost] = cluster.nodes.as_slice() else { panic!("three nodes") };
    // By default the tenth refusal is the last, and the node forms a cluster of its own.
    wait_until("more than ten refusals", DEADLINE, || async { refusals(lost) > 12 }).await;
    assert!(!lost.listens().await, "it took connections:\n{}", lost.log());
    assert_eq!(lost.running().await, Vec::<String>::new());
    for survivor in [first, second] {
        let view = view("a survivor to see two of three", survivor, |view| view.running.len() == 2).await;
        assert_eq!((&view.node, &view.members), (&survivor.name(), &all));
        assert_eq!(view.running, names([first, second]));
    }
    // The node is taken out of the members of each queue, which only a leader does.
    wait_for_a_leader(first, all.len()).await;
    let forgotten = first.ctl(&["forget_cluster_node", &lost.name()]).await;
    assert!(forgotten.status.success(), "{}", String::from_utf8_lossy(&forgotten.stderr));
    cluster.wait_until_united().await;
    assert_eq!(view("the node that was lost", lost, |_| true).await.running, all);
    wait_for_a_leader(first, all.len()).await;
}

/// Waits until the queues have leaders and all of their members but one are online.
async fn wait_for_a_leader(node: &RabbitNode, members: usize) {
    let asked = management(node);
    wait_until("the queue to have a leader and to lose no member", DEADLINE, || async {
        let found = queues(&asked, Some("/")).await.unwrap_or_default();
        found.iter().any(|queue| {
            queue.leader.is_some() && queue.members_online().is_some_and(|online| online >= members - 1)
        })
    })
    .await;
}

#[tokio::test]
async fn without_the_retry_limit_such_a_node_is_seen_to_be_a_cluster_of_its_own() {
    let mut cluster = RabbitCluster::start(3, &[]).await;
    cluster.nodes[0].lose_disk().await;
    let [stranger, others @ ..] = cluster.nodes.as_slice() else { panic!("three nodes") };
    wait_until("the stranger to take connections", DEADLINE, || stranger.listens()).await;
    let alone = view("the stranger", stranger, |_| true).await;
    assert_eq!((alone.members, alone.running), (names([stranger]), names([stranger])));
    for other in others {
        let view = view("the others", other, |_| true).await;
        assert!(!view.running.contains(&stranger.name()), "{view:?}");
        assert!(view.members.contains(&stranger.name()), "{view:?}");
    }
    let refused = others[0].ctl(&["forget_cluster_node", &stranger.name()]).await;
    assert!(!refused.status.success(), "a node that runs was forgotten");
}
