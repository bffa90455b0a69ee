//! Deletes a pod whose controller makes a new one.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, Preconditions},
};

use super::Error;

/// Deletes `pod` if `preconditions` still hold; whether it was deleted. If it changed or is gone, the next reconcile judges
/// again.
pub(super) async fn delete_pod(
    client: &Client,
    pod: &Pod,
    preconditions: Preconditions,
) -> Result<bool, Error> {
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    let api = Api::<Pod>::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    match api.delete(&pod.name_any(), &params).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
        Err(source) => Err(Error::Delete { kind: "Pod", name: pod.name_any(), source }),
    }
}
