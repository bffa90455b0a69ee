//! The node of `k8s/local`: Services survive what kube-proxy does to its rules.

use cluster::{
    Case, deadline,
    wait::{chain, eventually, seen},
};
use k8s_openapi::api::{
    apps::v1::DaemonSet,
    core::v1::{Node, Service},
};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

/// kube-proxy writes all its rules anew when it changes.
const ZONE: &str = "topology.kubernetes.io/zone";

#[tokio::test]
async fn services_work_after_kube_proxy_was_restarted() {
    Case::alone(async |case: &Case| {
        if !case.cluster.is_local() {
            return;
        }
        let proxies: Api<DaemonSet> = Api::namespaced(case.kube().clone(), "kube-system");
        proxies.restart("kube-proxy").await.expect("kube-proxy restarts");
        eventually("kube-proxy to be restarted on every node", deadline::SERVER, async || {
            let proxy = proxies.get("kube-proxy").await.map_err(chain)?;
            let status = proxy.status.unwrap_or_default();
            let all = status.desired_number_scheduled;
            let done = status.updated_number_scheduled == Some(all)
                && status.number_ready == all
                && status.observed_generation == proxy.metadata.generation;
            seen(done, || format!("{status:?}"))
        })
        .await;
        assert_services_work(case).await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI restarts kube-proxy"]
async fn services_work_after_a_full_sync_of_kube_proxy() {
    Case::alone(async |case: &Case| {
        if !case.cluster.is_local() {
            return;
        }
        set_zone(case, json!("sync")).await;
        let works = services_work(case).await;
        // No other case may find a zone on its nodes.
        set_zone(case, Value::Null).await;
        works.expect("Services work");
    })
    .await;
}

async fn set_zone(case: &Case, zone: Value) {
    let nodes: Api<Node> = Api::all(case.kube().clone());
    for node in nodes.list_metadata(&ListParams::default()).await.expect("nodes") {
        let name = node.metadata.name.unwrap_or_default();
        let patch = Patch::Merge(json!({ "metadata": { "labels": { ZONE: zone } } }));
        nodes.patch(&name, &PatchParams::default(), &patch).await.expect("a node takes a label");
    }
}

async fn assert_services_work(case: &Case) {
    services_work(case).await.expect("Services work");
}

/// A Service that is new shows that kube-proxy has written its rules since; then the old ones are dialled: Mailpit by TCP,
/// and with it the cluster's DNS by UDP.
async fn services_work(case: &Case) -> Result<(), String> {
    let selector = json!({ "app.kubernetes.io/name": "mailpit" });
    let spec = json!({ "selector": selector, "ports": [{ "port": 80, "targetPort": 8025 }] });
    let _: Service = case.apply(json!({ "metadata": { "name": "new" }, "spec": spec })).await;
    case.try_fetch("http://new/readyz", deadline::OPERATOR).await?;
    case.try_fetch("http://mailpit:8025/readyz", deadline::OPERATOR).await?;
    case.try_fetch("http://mailpit:8025/readyz", deadline::OPERATOR).await
}
