//! Whether a stack's brokers survive the loss of any one node, pure: from where their pods are.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::validate::{BrokerTarget, ValidatedStack};
use crate::{
    conditions::{ConditionType::BrokersSurviveNodeLoss, Finding},
    names::{Part, StackId},
    watches::Pods,
};

/// The fewest brokers that can lose one.
pub const FEWEST: i32 = 3;

/// The condition, if the stack has one and it can be decided. While a broker has no node, as when it restarts, only a
/// node that already holds too many decides it; otherwise what was known stays.
#[must_use]
pub fn finding(stack: &ValidatedStack, pods: &Pods) -> Option<Finding> {
    match &stack.broker {
        BrokerTarget::Managed(spec) if spec.replicas >= FEWEST => {
            of_pods(&stack.id, spec.replicas, &pods.of(&stack.id, Part::RabbitMq))
        }
        _ => None,
    }
}

pub(super) fn of_pods(id: &StackId, brokers: i32, pods: &[Arc<Pod>]) -> Option<Finding> {
    let brokers = usize::try_from(brokers).ok()?;
    let may_be_lost = (brokers - 1) / 2;
    let on_nodes = by_node(pods);
    let fullest = on_nodes.iter().max_by_key(|(_, names)| names.len());
    if let Some((node, names)) = fullest.filter(|(_, names)| names.len() > may_be_lost) {
        let message = crowded(id, brokers, node, names);
        return Some(Finding::bad(BrokersSurviveNodeLoss, "BrokersShareNode", message));
    }
    let placed = on_nodes.values().map(Vec::len).sum::<usize>();
    let message = "if any one node is lost, a majority of the brokers remains";
    (placed >= brokers).then(|| Finding::good(BrokersSurviveNodeLoss, "Spread", message))
}

/// The names of the pods on each node; a pod that is about to end counts for none.
fn by_node(pods: &[Arc<Pod>]) -> BTreeMap<String, Vec<String>> {
    let mut on_nodes = BTreeMap::<String, Vec<String>>::new();
    for pod in pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        if let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) {
            on_nodes.entry(node).or_default().push(pod.name_any());
        }
    }
    on_nodes
}

fn crowded(id: &StackId, brokers: usize, node: &str, names: &[String]) -> String {
    let last = names.last().map(String::as_str).unwrap_or_default();
    format!(
        "{count} of {brokers} brokers are on node {node} ({names}): while that node is away, every sign-in fails. With enough \
         nodes, move one: kubectl cordon {node}, then kubectl -n {namespace} delete pod {last}, then kubectl uncordon \
         {node}. A broker on a local volume stays on its node, see docs/nodes.md",
        count = names.len(),
        names = names.join(", "),
        namespace = id.namespace,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{from_value, json};

    use super::{Finding, finding, of_pods};
    use crate::{
        fixtures::{self, FULL, MINIMAL},
        names::StackId,
        watches::Pods,
    };

    fn pod(ordinal: usize, node: Option<&str>) -> Arc<Pod> {
        let metadata = json!({ "name": format!("demo-rabbitmq-{ordinal}"), "namespace": "team" });
        let spec = json!({ "nodeName": node, "containers": [] });
        Arc::new(from_value(json!({ "metadata": metadata, "spec": spec })).unwrap())
    }

    fn judged(nodes: &[Option<&str>]) -> Option<Finding> {
        let pods = nodes.iter().enumerate().map(|(ordinal, node)| pod(ordinal, *node)).collect::<Vec<_>>();
        let id = StackId { namespace: "team".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
        of_pods(&id, i32::try_from(nodes.len()).unwrap(), &pods)
    }

    #[test]
    fn three_brokers_on_three_nodes_survive_the_loss_of_one() {
        let finding = judged(&[Some("a"), Some("b"), Some("c")]).unwrap();
        assert_eq!((finding.status, finding.reason.as_str()), ("True", "Spread"));
    }

    #[test]
    fn two_of_three_brokers_on_a_node_do_not_survive_and_the_message_names_node_pods_and_remedy() {
        let finding = judged(&[Some("a"), Some("b"), Some("a")]).unwrap();
        assert_eq!((finding.status, finding.reason.as_str()), ("False", "BrokersShareNode"));
        assert_eq!(
            finding.message,
            "2 of 3 brokers are on node a (demo-rabbitmq-0, demo-rabbitmq-2): while that node is away, every sign-in fails. \
             With enough nodes, move one: kubectl cordon a, then kubectl -n team delete pod demo-rabbitmq-2, then kubectl \
             uncordon a. A broker on a local volume stays on its node, see docs/nodes.md"
        );
    }

    #[test]
    fn five_brokers_survive_the_loss_of_two() {
        assert_eq!(judged(&[Some("a"), Some("a"), Some("b"), Some("b"), Some("c")]).unwrap().status, "True");
        assert_eq!(judged(&[Some("a"), Some("a"), Some("a"), Some("b"), Some("c")]).unwrap().status, "False");
    }

    #[test]
    fn a_broker_without_a_node_leaves_open_what_the_others_do_not_decide() {
        assert_eq!(judged(&[Some("a"), Some("b"), None]), None);
        assert_eq!(judged(&[Some("a"), Some("a"), None]).unwrap().status, "False");
    }

    #[test]
    fn a_broker_that_is_about_to_end_is_not_counted() {
        let id = StackId { namespace: "team".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
        let mut ending = (*pod(2, Some("a"))).clone();
        ending.metadata.deletion_timestamp = Some(from_value(json!("2026-01-01T00:00:00Z")).unwrap());
        assert_eq!(of_pods(&id, 3, &[pod(0, Some("a")), pod(1, Some("b")), Arc::new(ending)]), None);
    }

    #[test]
    fn only_stacks_of_three_or_more_brokers_have_the_condition() {
        let pod = |ordinal: usize| {
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": format!("full-rabbitmq-{ordinal}"), "namespace": "team",
                    "labels": { "pingstack.dev/stack": "full", "pingstack.dev/part": "rabbitmq" },
                },
                "spec": { "nodeName": "a", "containers": [] },
            })
        };
        let pods = Pods::holding(&[pod(0), pod(1), pod(2)]);
        assert_eq!(finding(&fixtures::validated(FULL), &pods).unwrap().status, "False");
        assert_eq!(finding(&fixtures::validated(MINIMAL), &pods), None);
    }
}
