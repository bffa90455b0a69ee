//! An operator that watches one namespace, and one that finds a stack which it cannot read.

use cluster::{Case, deadline, wait::eventually};
use k8s_openapi::{
    api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

const CRD: &str = "pingstacks.pingstack.dev";

#[tokio::test]
async fn an_unreadable_stack_does_not_stop_the_others() {
    Case::alone(async |case: &Case| {
        // As if it had been stored before a field changed its type: the schema is opened for a moment.
        let served = json!(crds(case).get(CRD).await.expect("the CRD"));
        case.with_cleanup(store_unreadable(case, open(served.clone())), replace_crd(case, served)).await;
        case.operator().restart().await;
        let demo = case.ready_stack(json!({})).await;
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
    let now = crds(case).get(CRD).await.expect("the CRD").metadata.resource_version;
    let mut crd: CustomResourceDefinition = serde_json::from_value(crd).expect("a CRD");
    crd.metadata.resource_version = now;
    crds(case).replace(CRD, &PostParams::default(), &crd).await.expect("the CRD is replaced");
}

fn crds(case: &Case) -> Api<CustomResourceDefinition> {
    Api::all(case.kube().clone())
}

#[tokio::test]
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
