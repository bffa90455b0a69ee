//! An operator that watches one namespace, and one that finds a stack which it cannot read.

use cluster::{CRD, Case, deadline, wait::eventually};
use k8s_openapi::{
    api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

#[tokio::test]
async fn an_unreadable_stack_does_not_stop_the_others() {
    Case::alone(async |case: &Case| {
        // As if it had been stored before a field changed its type: the schema is opened for a moment.
        let served = case.cluster.crds().get(CRD).await.expect("the CRD");
        let restore = async { case.cluster.restore_crd(&served).await.expect("the CRD is restored") };
        case.with_cleanup(store_unreadable(case, open(json!(served))), restore).await;
        case.operator().restart().await;
        case.ready_stack(json!({})).await;
        // The Event is on the object, where its author looks.
        case.wait_event("Unreadable", "cannot read the object", deadline::MAIL).await;
    })
    .await;
}

/// The same CRD, whose spec may hold anything.
fn open(mut crd: Value) -> Value {
    let schema = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["properties"]["spec"] = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    schema.as_object_mut().expect("a schema").remove("x-kubernetes-validations");
    crd
}

async fn store_unreadable(case: &Case, crd: Value) {
    replace_crd(case, crd).await;
    let unreadable = case.stack("unreadable");
    eventually("the unreadable stack to be stored", deadline::READ, async || {
        unreadable.try_create(json!({ "login": { "limits": "none" }, "smtp": 7 })).await
    })
    .await;
}

async fn replace_crd(case: &Case, mut crd: Value) {
    // It replaces whatever was changed since.
    crd["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    let crds = case.cluster.crds();
    let now = crds.get(CRD).await.expect("the CRD").metadata.resource_version;
    let mut crd: CustomResourceDefinition = serde_json::from_value(crd).expect("a CRD");
    crd.metadata.resource_version = now;
    crds.replace(CRD, &PostParams::default(), &crd).await.expect("the CRD is replaced");
}

#[tokio::test]
#[ignore = "make e2e-full runs it; CI has the watched namespace that is deleted"]
async fn only_watched_namespaces_are_reconciled() {
    Case::alone(async |case: &Case| {
        let watched = case.beside("watched").await;
        case.operator().install(&[&format!("watchNamespaces={{{}}}", watched.namespace)]).await;
        // It has rights in that namespace only.
        assert!(may_read_secrets(case, &watched.namespace).await, "no rights in the watched namespace");
        assert!(!may_read_secrets(case, "default").await, "rights in a namespace that is not watched");
        let ignored = case.stack("ignored");
        ignored.apply(json!({})).await;
        let demo = watched.stack("demo");
        demo.apply(json!({})).await;
        demo.wait_ready().await;
        demo.user("ada@example.org").sign_in().await;
        // What an object has that no operator has read.
        let status = ignored.object().await["status"].clone();
        assert_eq!(status, json!({ "conditions": [], "observedGeneration": -1 }));
    })
    .await;
}

/// Its roles go with it. New pods of the operator must become ready nevertheless, or the external metrics of the whole cluster
/// are gone.
#[tokio::test]
async fn a_watched_namespace_that_is_deleted_does_not_stop_new_pods_of_the_operator() {
    Case::alone(async |case: &Case| {
        let kept = case.beside("kept").await;
        let gone = case.beside("gone").await;
        let namespaces = format!("watchNamespaces={{{},{}}}", kept.namespace, gone.namespace);
        case.operator().install(&[&namespaces]).await;
        case.delete_namespace(&gone.namespace, deadline::NAMESPACE).await;
        case.operator().restart().await;
        let demo = kept.stack("demo");
        demo.apply(json!({})).await;
        demo.wait_ready().await;
        kept.wait_api_service(deadline::SERVER).await;
        demo.user("ada@example.org").sign_in().await;
    })
    .await;
}

#[tokio::test]
#[ignore = "make e2e-full runs it; the operator has unit tests of the condition"]
async fn an_ingress_whose_controller_may_be_kept_out_is_warned_of() {
    Case::alone(async |case: &Case| {
        case.operator().install(&["neighbours.ingressNamespace="]).await;
        let demo = case.stack("demo");
        let ingress = json!({ "ingress": { "host": "login.example.org" } });
        let proxies = json!({ "trustedProxies": ["192.0.2.0/24"] });
        demo.apply(json!({ "userService": ingress, "login": proxies })).await;
        let warning = demo.wait_reason("IngressAdmitted", "IngressNamespaceUnknown", deadline::STACK).await;
        assert!(warning.message.contains("neighbours.ingressNamespace"), "{warning:?}");
        let policy = case.kubectl(&["get", "networkpolicy", "demo-user-service", "--output=json"]).await;
        assert!(policy.contains("\"cidr\": \"192.0.2.0/24\""), "{policy}");
        case.operator().install(&[]).await;
        demo.wait_reason("IngressAdmitted", "Admitted", deadline::SERVER).await;
    })
    .await;
}

/// As `kubectl auth can-i get secrets` as the operator's ServiceAccount.
async fn may_read_secrets(case: &Case, namespace: &str) -> bool {
    let own = case.operator().namespace();
    let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{own}"), "system:authenticated"];
    let spec = SubjectAccessReviewSpec {
        user: Some(format!("system:serviceaccount:{own}:ping-operator")),
        groups: Some(groups.map(str::to_owned).to_vec()),
        resource_attributes: Some(ResourceAttributes {
            namespace: Some(namespace.to_owned()),
            verb: Some("get".to_owned()),
            resource: Some("secrets".to_owned()),
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let reviewed = Api::all(case.kube().clone()).create(&PostParams::default(), &review).await;
    reviewed.expect("a review").status.is_some_and(|status| status.allowed)
}
