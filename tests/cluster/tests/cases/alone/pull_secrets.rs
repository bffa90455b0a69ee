//! The operator's secrets for pulling images.

use std::collections::BTreeSet;

use cluster::{
    Case, deadline,
    wait::{chain, eventually, seen},
};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

const NAME: &str = "demo-user-service";

/// The operator's own pods are pulled with them, and those of stacks in other namespaces too.
#[tokio::test]
#[ignore = "make e2e-full runs it; it installs the operator twice"]
async fn secrets_for_pulling_images_of_the_operator_serve_all_stacks() {
    Case::alone(async |case: &Case| {
        let body = async {
            registry(case, "first").await;
            case.operator().install(&["imagePullSecrets[0].name=registry"]).await;
            let demo = case.ready_stack(json!({})).await;
            assert_eq!(copy(case).await, Ok("first".to_owned()));
            for part in ["redis", "rabbitmq", "user-service", "mail-service"] {
                // The previous operator may have created the stack before it handed over.
                eventually(format!("the secret in the pods of {part}"), deadline::SERVER, async || {
                    let pods = case.pods_of("demo", part).await;
                    let secrets = pods
                        .iter()
                        .map(|pod| json!(pod.spec)["imagePullSecrets"].clone())
                        .collect::<Vec<_>>();
                    let has_copy = |secrets: &Value| *secrets == json!([{ "name": "demo-pull" }]);
                    seen(!secrets.is_empty() && secrets.iter().all(has_copy), || format!("{secrets:?}"))
                })
                .await;
            }
            registry(case, "second").await;
            eventually("the copy to follow", deadline::OPERATOR, async || {
                let copy = copy(case).await?;
                seen(copy == "second", || copy.clone())
            })
            .await;
            // One that is made again, as programs do that keep secrets elsewhere, costs no pod.
            let before = pods(case).await;
            delete_registry(case).await;
            demo.patch(json!({ "userService": { "replicas": 3 } })).await;
            eventually("three pods of user-service", deadline::OPERATOR, async || {
                let pods = case.pods_of("demo", "user-service").await.len();
                seen(pods == 3, || format!("{pods} pods"))
            })
            .await;
            case.wait_deployment(NAME, deadline::SERVER).await;
            assert_eq!(copy(case).await, Ok("second".to_owned()));
            let after = pods(case).await;
            assert!(before.is_subset(&after), "pods were replaced: {before:?}, now {after:?}");
            case.operator().install(&[]).await;
            case.wait_absent::<Secret>("demo-pull", deadline::OPERATOR).await;
            demo.wait_ready().await;
        };
        case.with_cleanup(body, delete_registry(case)).await;
    })
    .await;
}

async fn delete_registry(case: &Case) {
    let namespace = case.operator().namespace();
    case.kubectl(&["delete", "secret", "registry", "--namespace", namespace, "--ignore-not-found"]).await;
}

/// The uids of user-service's pods.
async fn pods(case: &Case) -> BTreeSet<String> {
    let pods = case.pods_of("demo", "user-service").await;
    pods.into_iter().filter_map(|pod| pod.metadata.uid).collect()
}

/// A Secret in the operator's namespace.
async fn registry(case: &Case, auth: &str) {
    let config = json!({ "auths": { "registry.example.org": { "auth": auth } } }).to_string();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "registry", "namespace": case.operator().namespace() },
        "stringData": { ".dockerconfigjson": config },
    });
    case.kubectl_with_input(&["apply", "--server-side", "--filename", "-"], &secret.to_string()).await;
}

/// What the stack's copy holds for the registry.
async fn copy(case: &Case) -> Result<String, String> {
    let secret = case.api::<Secret>().get("demo-pull").await.map_err(chain)?;
    let data = secret.data.unwrap_or_default();
    let config: Value = serde_json::from_slice(&data[".dockerconfigjson"].0).map_err(chain)?;
    Ok(config["auths"]["registry.example.org"]["auth"].as_str().unwrap_or_default().to_owned())
}
