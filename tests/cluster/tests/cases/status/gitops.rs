//! What GitOps tools make of a stack, by their own code.

use cluster::{
    Case, Stack, deadline,
    wait::{eventually, seen},
};
use serde_json::json;

/// A Go program with the library of kstatus and the interpreter of Argo CD's health scripts.
const JUDGE: &str = "tests/cluster/gitops";

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has not the minutes in which its Go program compiles"]
async fn gitops_tools_judge_each_state_of_a_stack_as_it_is() {
    Case::run(async |case: &Case| {
        let states = case.cluster.repository.join(JUDGE).join("states.json");
        let states = std::fs::read_to_string(states).expect("the recorded states");
        let judged = case.cluster.run_go(JUDGE, &[&document(case), "states"], &states).await;
        case.step(judged.expect("every state is judged as it must be").trim());
        let demo = case.ready_stack(json!({})).await;
        wait_judged(case, &demo, "Current Healthy").await;
        demo.patch(json!({ "smtp": { "credentialsSecretRef": { "name": "nowhere" } } })).await;
        wait_judged(case, &demo, "Failed Degraded").await;
        demo.patch(json!({ "smtp": { "credentialsSecretRef": null } })).await;
        wait_judged(case, &demo, "Current Healthy").await;
    })
    .await;
}

fn document(case: &Case) -> String {
    case.cluster.repository.join("docs/gitops.md").display().to_string()
}

async fn wait_judged(case: &Case, demo: &Stack<'_>, expected: &str) {
    eventually(format!("the judgement {expected}"), deadline::SERVER, async || {
        let object = demo.object().await.to_string();
        let judged = case.cluster.run_go(JUDGE, &[&document(case), "object"], &object).await?;
        seen(judged.trim() == expected, || judged.clone())
    })
    .await;
}
