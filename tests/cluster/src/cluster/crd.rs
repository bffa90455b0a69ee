//! The CRD, which a case may replace, and leaves as it found it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{Cluster, wait::chain};

/// Its name.
pub const CRD: &str = "pingstacks.pingstack.dev";
/// Whom the fields of a chart's objects belong to.
const HELM: &str = "helm";

impl Cluster {
    /// All CRDs.
    #[must_use]
    pub fn crds(&self) -> Api<CustomResourceDefinition> {
        Api::all(self.client.clone())
    }

    /// Puts the CRD back as Helm would. No other manager owns a field of it afterwards, or the next upgrade with Helm would be
    /// in conflict.
    pub async fn restore_crd(&self, before: &CustomResourceDefinition) -> Result<(), String> {
        let metadata = &before.metadata;
        let object = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": CRD, "labels": metadata.labels, "annotations": metadata.annotations },
            "spec": before.spec,
        });
        let crds = self.crds();
        let applied = crds.patch(CRD, &PatchParams::apply(HELM).force(), &Patch::Apply(object)).await;
        let managers = applied.map_err(chain)?.metadata.managed_fields.unwrap_or_default();
        let mut managers: Vec<Value> = managers.iter().map(|manager| json!(manager)).collect();
        managers.retain(is_kept);
        let patch = Patch::Merge(json!({ "metadata": { "managedFields": managers } }));
        crds.patch(CRD, &PatchParams::default(), &patch).await.map(drop).map_err(chain)
    }
}

/// What Helm applied, and the API server's status.
fn is_kept(manager: &Value) -> bool {
    (manager["manager"] == HELM && manager["operation"] == "Apply") || manager["subresource"] == "status"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_kept;

    #[test]
    fn only_helm_and_the_status_keep_their_fields() {
        assert!(is_kept(&json!({ "manager": "helm", "operation": "Apply" })));
        assert!(is_kept(
            &json!({ "manager": "kube-apiserver", "operation": "Update", "subresource": "status" })
        ));
        assert!(!is_kept(&json!({ "manager": "helm", "operation": "Update" })));
        assert!(!is_kept(&json!({ "manager": "kubectl", "operation": "Apply" })));
    }
}
