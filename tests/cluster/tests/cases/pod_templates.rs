//! What users add to the pods of a stack, and what they may not.

use cluster::{
    Case, deadline,
    wait::{eventually, seen},
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, ServiceAccount},
};
use serde_json::{Value, json};

const NAME: &str = "demo-user-service";

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has one that is refused"]
async fn a_pod_template_is_merged_into_the_pods_of_its_part() {
    Case::run(async |case: &Case| {
        let sidecar = json!({
            "name": "side", "image": case.image("redis"), "command": ["sleep", "infinity"],
            "resources": { "requests": { "cpu": "1m", "memory": "8Mi" } },
            "volumeMounts": [{ "name": "shared", "mountPath": "/shared" }],
        });
        let own =
            json!({ "name": "user-service", "volumeMounts": [{ "name": "shared", "mountPath": "/shared" }] });
        let template = json!({
            "metadata": { "labels": { "team": "login" }, "annotations": { "example.org/note": "a" } },
            "env": [{ "name": "MINE", "value": "1" }, { "name": "PORT", "value": "1" }],
            "spec": {
                "tolerations": [{ "key": "login", "operator": "Exists" }],
                "topologySpreadConstraints": [{ "topologyKey": "kubernetes.io/hostname", "maxSkew": 3 }],
                "affinity": { "$patch": "delete" }, "terminationGracePeriodSeconds": 45, "volumes": [{ "name": "shared", "emptyDir": {} }],
                "containers": [sidecar, own],
            },
            "serviceAccountAnnotations": { "example.org/role": "ping" },
        });
        let demo =
            case.ready_stack(json!({ "userService": { "replicas": 1, "podTemplate": template } })).await;
        let pod = only_pod(case).await;
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        assert_eq!((labels["team"].as_str(), labels["pingstack.dev/stack"].as_str()), ("login", "demo"));
        let spec = json!(pod.spec);
        assert_eq!(spec["terminationGracePeriodSeconds"], 45);
        assert!(spec["affinity"].is_null(), "the operator only prefers it");
        let constraints = spec["topologySpreadConstraints"].as_array().map(Vec::len);
        assert_eq!((constraints, &spec["topologySpreadConstraints"][0]["maxSkew"]), (Some(1), &json!(3)));
        let names: Vec<&str> = spec["containers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(names, ["user-service", "side"]);
        let account = case.get::<ServiceAccount>(NAME).await;
        assert_eq!(account.metadata.annotations.unwrap_or_default()["example.org/role"], "ping");
        let clash = demo.wait_reason("PodTemplatesApplied", "AppliedWithWarnings", deadline::OPERATOR).await;
        assert!(clash.message.contains("PORT") && !clash.message.contains("MINE"), "{clash:?}");
        // Its port is the operator's.
        demo.user("ada@example.org").sign_in().await;
        demo.patch(json!({ "userService": { "podTemplate": Value::Null } })).await;
        case.wait_deployment(NAME, deadline::SERVER).await;
        demo.wait_ready().await;
        eventually("one container", deadline::SERVER, async || {
            let pods = case.pods_of("demo", "user-service").await;
            let counts: Vec<usize> =
                pods.iter().filter_map(|pod| Some(pod.spec.as_ref()?.containers.len())).collect();
            seen(counts == [1], || format!("{counts:?}"))
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_pod_template_that_breaks_restricted_is_refused_and_changes_nothing() {
    Case::run(async |case: &Case| {
        let demo = case.ready_stack(json!({ "userService": { "replicas": 1 } })).await;
        let before = case.get::<Deployment>(NAME).await.metadata.generation;
        for (spec, named) in [
            (json!({ "hostNetwork": true }), "userService.podTemplate.spec.hostNetwork"),
            (json!({ "hostNetwork": Value::Null, "volumes": [{ "name": "x", "hostPath": { "path": "/" } }] }), "hostPath"),
            (json!({ "volumes": Value::Null, "containers": [{ "name": "x", "image": "x", "securityContext": { "privileged": true } }] }), "privileged"),
            (json!({ "containers": Value::Null, "tolerationz": [] }), "tolerationz"),
        ] {
            demo.patch(json!({ "userService": { "podTemplate": { "spec": spec } } })).await;
            eventually(format!("the refusal of {named}"), deadline::OPERATOR, async || {
                let refused = demo.wait_reason("Ready", "InvalidSpec", deadline::OPERATOR).await;
                seen(refused.message.contains(named), || format!("{refused:?}"))
            })
            .await;
        }
        assert_eq!(case.get::<Deployment>(NAME).await.metadata.generation, before);
        demo.user("ada@example.org").sign_in().await;
        demo.patch(json!({ "userService": { "podTemplate": Value::Null } })).await;
        demo.wait_ready().await;
    })
    .await;
}

async fn only_pod(case: &Case) -> Pod {
    eventually("one pod of user-service", deadline::SERVER, async || {
        let listed = case.pods_of("demo", "user-service").await;
        let [pod] = &listed[..] else { return Err(format!("{} pods", listed.len())) };
        Ok(pod.clone())
    })
    .await
}

/// As a user of OpenShift has it: what names a user is refused, and the cluster sets one.
#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the images run as any user of the group 0"]
async fn a_stack_runs_where_the_cluster_gives_out_users() {
    Case::run(async |case: &Case| {
        let policies = POLICIES.replace("NAMESPACE", &case.namespace);
        case.with_cleanup(runs_as_given_users(case, &policies), async {
            let delete = ["delete", "--ignore-not-found", "--filename", "-"];
            case.kubectl_with_input(&delete, &policies).await;
        })
        .await;
    })
    .await;
}

const POLICIES: &str = include_str!("pod_templates/users_given_out.yaml");
const FIXED: &str = include_str!("pod_templates/fixed_user.yaml");

async fn runs_as_given_users(case: &Case, policies: &str) {
    case.kubectl_with_input(&["apply", "--server-side", "--filename", "-"], policies).await;
    let fixed = FIXED.replace("NAMESPACE", &case.namespace);
    eventually("workloads with fixed users to be refused", deadline::MAIL, async || {
        let dry = ["apply", "--server-side", "--dry-run=server", "--filename", "-"];
        let tried = case.try_kubectl_with_input(&dry, &fixed).await;
        seen(tried.is_err(), || "it is admitted".to_owned())
    })
    .await;
    let demo = case.stack("demo");
    demo.apply(json!({})).await;
    let refused = demo.wait_reason("Ready", "ApplyFailed", deadline::OPERATOR).await;
    assert!(refused.message.contains("the cluster gives out users"), "{refused:?}");
    demo.patch(json!({ "securityProfile": "OpenShift" })).await;
    demo.wait_ready().await;
    for part in ["redis", "rabbitmq", "user-service", "mail-service"] {
        for pod in case.pods_of("demo", part).await {
            let security = json!(pod.spec)["securityContext"].clone();
            assert_eq!(security["runAsUser"], 1_000_670_000, "{part}");
        }
    }
    demo.user("ada@example.org").sign_in().await;
    case.replace_pod("demo-redis-0").await;
    demo.wait_condition("RedisReady", "True", deadline::SERVER).await;
    demo.user("ada@example.org").sign_in_eventually().await;
}
