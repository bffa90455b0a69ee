//! Nodes of the cluster: cut off, killed, drained, and brought back.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};

use crate::{
    case::Case,
    cluster::{kubectl, tell},
    settings::Way,
    wait::chain,
};

/// The label of the node of the control plane, where the neighbours of a case run.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";
/// The nodes that the cases of this kind need.
const NODES: usize = 3;
/// How long a drain may take: two brokers of a stack, one after the other.
const DRAIN: Duration = Duration::from_mins(6);

/// How a node is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Its network is down; its pods go on.
    CutOff,
    /// All its processes end at once.
    Killed,
}

impl Loss {
    /// The commands of `k8s/local/worker` that do it and undo it.
    const fn commands(self) -> (&'static str, &'static str) {
        match self {
            Self::CutOff => ("cut", "heal"),
            Self::Killed => ("kill", "start"),
        }
    }
}

impl Case {
    /// The workers, by name. The local cluster must have them. Another cluster with fewer than three nodes, or with zones, has
    /// none for a case: it is reported as skipped.
    pub async fn workers(&self) -> Vec<String> {
        let nodes = self.nodes().await;
        let has = |node: &Node, label: &str| {
            node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(label))
        };
        if nodes.len() < NODES || nodes.iter().any(|node| has(node, ZONE)) {
            assert_ne!(
                self.cluster.way,
                Way::Local,
                "this case needs {NODES} nodes: make cluster NODES={NODES}"
            );
            tell(&format!("{} skipped: the cluster does not have {NODES} nodes without zones", self.name));
            return Vec::new();
        }
        let workers = nodes.iter().filter(|node| !has(node, CONTROL_PLANE));
        workers.filter_map(|node| node.metadata.name.clone()).collect()
    }

    /// The workers that this case may cut off and kill; only `k8s/local` has such.
    pub async fn breakable_workers(&self) -> Vec<String> {
        if self.cluster.way == Way::Local {
            return self.workers().await;
        }
        tell(&format!("{} skipped: only the nodes of k8s/local can be broken", self.name));
        Vec::new()
    }

    /// Takes a worker away for as long as `meanwhile` takes, and brings it back whatever that returns.
    pub async fn without_worker<T>(&self, worker: &str, loss: Loss, meanwhile: impl Future<Output = T>) -> T {
        let (take_away, bring_back) = loss.commands();
        self.step(&format!("{worker}: {take_away}"));
        let gone = self.worker(take_away, worker).await;
        let result = if gone.is_ok() { Some(meanwhile.await) } else { None };
        self.step(&format!("{worker}: {bring_back}"));
        let back = self.worker(bring_back, worker).await;
        gone.and(back).unwrap_or_else(|error| panic!("k8s/local/worker: {error}"));
        result.unwrap_or_else(|| panic!("{worker} was not taken away"))
    }

    /// Drains a node for as long as `meanwhile` takes, and uncordons it whatever that returns.
    pub async fn drained<T>(&self, node: &str, meanwhile: impl Future<Output = T>) -> T {
        self.step(&format!("{node}: drain"));
        let timeout = format!("{}s", DRAIN.as_secs());
        let drain =
            ["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout", timeout.as_str()];
        let drained = kubectl::run("kubectl", &drain).await;
        let result = if drained.is_ok() { Some(meanwhile.await) } else { None };
        self.step(&format!("{node}: uncordon"));
        let back = kubectl::run("kubectl", &["uncordon", node]).await;
        drained.and(back).unwrap_or_else(|error| panic!("{node} was not drained and uncordoned: {error}"));
        result.unwrap_or_else(|| panic!("{node} was not drained"))
    }

    /// The nodes on which the pods of a part are, one for each pod, by the pods' names.
    pub async fn nodes_of(&self, stack: &str, part: &str) -> Vec<String> {
        let pods = self.pods_of(stack, part).await;
        let node = |pod: &k8s_openapi::api::core::v1::Pod| pod.spec.as_ref()?.node_name.clone();
        pods.iter().filter_map(node).collect()
    }

    async fn nodes(&self) -> Vec<Node> {
        let listed = Api::<Node>::all(self.kube().clone()).list(&ListParams::default()).await;
        listed.unwrap_or_else(|error| panic!("no nodes: {}", chain(error))).items
    }

    /// The names of all nodes.
    pub async fn node_names(&self) -> Vec<String> {
        self.nodes().await.into_iter().filter_map(|node| node.metadata.name).collect()
    }

    async fn worker(&self, command: &str, worker: &str) -> Result<(), String> {
        self.local_script("worker", &[command, worker]).await.map(drop)
    }

    /// What a script of `k8s/local` printed.
    pub async fn local_script(&self, script: &str, arguments: &[&str]) -> Result<String, String> {
        kubectl::run_path(&self.cluster.repository.join("k8s/local").join(script), arguments).await
    }
}
