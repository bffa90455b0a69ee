//! A namespace for each case.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{
    deadline,
    wait::{chain, eventually},
};

/// The label on namespaces of cases; its value is the case's first namespace.
pub(crate) const LABEL: &str = "ping-e2e";
const MAX_NAME: usize = 40;

/// What a namespace enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodSecurity {
    /// As stacks run everywhere.
    Restricted,
    /// For a pod that breaks something on its node.
    Privileged,
}

/// The namespace of a case. The length leaves room for what is appended.
pub(crate) fn name_of(case: &str) -> String {
    let words = case.replace('_', "-");
    if words.len() <= MAX_NAME {
        return format!("e2e-{words}");
    }
    // Cases whose names begin alike must not share a namespace.
    let hash = hex::encode(Sha256::digest(case));
    format!("e2e-{}-{}", words[..MAX_NAME - 5].trim_end_matches('-'), &hash[..4])
}

/// Creates it; what an interrupted run left under its name is deleted first.
pub(crate) async fn create(client: &Client, name: &str, owner: &str, security: PodSecurity) {
    let api: Api<Namespace> = Api::all(client.clone());
    if delete(client, name).await {
        wait_gone(client, name, deadline::NAMESPACE).await;
    }
    let level = if security == PodSecurity::Restricted { "restricted" } else { "privileged" };
    let labels = json!({ "pod-security.kubernetes.io/enforce": level, LABEL: owner });
    let object = serde_json::from_value(json!({ "metadata": { "name": name, "labels": labels } }));
    let object = object.unwrap_or_else(|error| panic!("not a namespace: {error}"));
    let created = api.create(&PostParams::default(), &object).await;
    created.unwrap_or_else(|error| panic!("could not create the namespace {name}: {}", chain(error)));
}

/// Begins to delete it; says whether it was there.
pub(crate) async fn delete(client: &Client, name: &str) -> bool {
    let api: Api<Namespace> = Api::all(client.clone());
    match api.delete(name, &DeleteParams::default()).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if status.is_not_found() => false,
        Err(error) => panic!("could not delete the namespace {name}: {}", chain(error)),
    }
}

/// Waits until there is no such namespace.
pub(crate) async fn wait_gone(client: &Client, name: &str, deadline: Duration) {
    let api: Api<Namespace> = Api::all(client.clone());
    eventually(format!("the namespace {name} to be gone"), deadline, async || {
        let found = api.get_opt(name).await.map_err(chain)?;
        found.map_or(Ok(()), |namespace| {
            Err(format!("{:?}", namespace.status.and_then(|status| status.conditions)))
        })
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_named_after_its_case() {
        assert_eq!(name_of("a_quota_is_named"), "e2e-a-quota-is-named");
    }

    #[test]
    fn long_names_that_begin_alike_have_different_namespaces() {
        let [redis, broker] = ["redis", "broker"]
            .map(|part| name_of(&format!("an_impossible_memory_request_is_taken_back_for_{part}")));
        assert_ne!(redis, broker);
        assert!(redis.len() <= 45 && redis.starts_with("e2e-an-impossible-memory-request-"), "{redis}");
    }
}
