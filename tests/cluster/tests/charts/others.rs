//! Other operators on the cluster: two would undo each other's work.

use cluster::{Case, wait::chain};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, api::ListParams};

/// The operator of the cluster cases, which an interrupted run or KEEP=1 leaves.
const OF_THE_CASES: &str = "ping-e2e-operator";

/// Whether the operator of the cluster cases ran, and was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped(bool);

/// Stops the operator of the cluster cases. Any other operator is left alone, and fails the case.
pub(crate) async fn stop(case: &Case) -> Stopped {
    let deployments: Api<Deployment> = Api::all(case.kube().clone());
    let selector = ListParams::default().labels("app.kubernetes.io/name=ping-operator");
    let found = deployments.list(&selector).await.unwrap_or_else(|error| panic!("{}", chain(error)));
    let running = found.items.into_iter().filter(|deployment| {
        deployment.spec.as_ref().and_then(|spec| spec.replicas).is_some_and(|replicas| replicas > 0)
    });
    let namespaces: Vec<String> = running.filter_map(|deployment| deployment.metadata.namespace).collect();
    assert!(
        namespaces.iter().all(|namespace| namespace == OF_THE_CASES),
        "an operator runs in {namespaces:?}: remove it first, two undo each other's work"
    );
    let stopped = Stopped(!namespaces.is_empty());
    stopped.scale(case, "0").await;
    stopped
}

impl Stopped {
    pub(crate) async fn start_again(self, case: &Case) {
        self.scale(case, "2").await;
    }

    async fn scale(self, case: &Case, replicas: &str) {
        if self.0 {
            let scale = ["--namespace", OF_THE_CASES, "scale", "deployment", "--all", "--replicas", replicas];
            case.kubectl(&scale).await;
        }
    }
}
