//! What users may do with stacks who have one of the cluster's own roles in a namespace.

use cluster::{
    Case, deadline,
    wait::{eventually, seen},
};
use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::json;

const STACKS: &str = "pingstacks.pingstack.dev";

#[tokio::test]
async fn the_clusters_roles_view_edit_and_admin_hold_for_stacks() {
    Case::run(async |case: &Case| {
        for role in ["view", "edit", "admin"] {
            let role_ref =
                json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role });
            let subject =
                json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user(role) });
            let binding = json!({ "metadata": { "name": role }, "roleRef": role_ref, "subjects": [subject] });
            let _: RoleBinding = case.apply(binding).await;
            for verb in ["get", "list", "watch"] {
                wait_allowed(case, role, verb, true).await;
            }
            for verb in ["create", "update", "patch", "delete"] {
                wait_allowed(case, role, verb, role != "view").await;
            }
            // The status is the operator's.
            assert_eq!(can_i(case, role, "patch", &["--subresource=status"]).await, "no", "{role}");
        }
        assert_eq!(can_i(case, "nobody", "get", &[]).await, "no");
        let demo = case.stack("demo");
        demo.apply(json!({})).await;
        let read = case.kubectl(&["get", STACKS, "--as", &user("view"), "--output", "name"]).await;
        assert_eq!(read.trim(), "pingstack.pingstack.dev/demo");
        let refused = case.try_kubectl(&["delete", STACKS, "demo", "--as", &user("view")]).await;
        assert!(refused.is_err_and(|refusal| refusal.contains("forbidden")));
        case.kubectl(&["delete", STACKS, "demo", "--as", &user("edit"), "--wait=false"]).await;
        demo.wait_gone(deadline::NAMESPACE).await;
    })
    .await;
}

fn user(role: &str) -> String {
    format!("{role}@example.org")
}

/// The controller that aggregates roles is a moment behind a chart that was just installed.
async fn wait_allowed(case: &Case, role: &str, verb: &str, allowed: bool) {
    let expected = if allowed { "yes" } else { "no" };
    eventually(format!("{role} may {verb}: {expected}"), deadline::READ, async || {
        let answer = can_i(case, role, verb, &[]).await;
        seen(answer == expected, || answer.clone())
    })
    .await;
}

/// What `kubectl auth can-i` prints, which fails where the answer is no.
async fn can_i(case: &Case, role: &str, verb: &str, more: &[&str]) -> String {
    let user = user(role);
    let arguments = [&["auth", "can-i", verb, STACKS, "--as", &user][..], more].concat();
    match case.try_kubectl(&arguments).await {
        Ok(answer) => answer.trim().to_owned(),
        Err(error) if error.trim_end().ends_with("no") => "no".to_owned(),
        Err(error) => error,
    }
}
