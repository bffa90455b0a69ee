//! Who may reach whom. Whether the cluster enforces it is the cluster's business and not tested here.

use cluster::{Case, deadline};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use serde_json::json;

/// A Go program that judges policies as the CNI plug-ins do, and the table that it compares them with.
const JUDGE: &str = "tests/cluster/policies";

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has not the four minutes in which its Go program compiles"]
async fn network_policies_let_in_whom_they_should_and_nobody_else() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({})).await;
        let policies = case.api::<NetworkPolicy>().list(&ListParams::default()).await.expect("policies");
        let policies = json!({ "items": policies.items }).to_string();
        let table = case.cluster.repository.join(JUDGE).join("reach.txt").display().to_string();
        let arguments = [&case.namespace, &demo.name, case.operator().namespace(), &table];
        let judged = case.cluster.run_go(JUDGE, &arguments, &policies).await;
        case.step(judged.expect("every line of the table holds").trim());
        demo.patch(json!({ "networkPolicy": { "enabled": false } })).await;
        demo.wait_none::<NetworkPolicy>(deadline::MAIL).await;
    })
    .await;
}
