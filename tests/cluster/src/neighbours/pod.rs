//! A pod of a case that passes the Pod Security Standard `restricted`.

use serde_json::{Value, json};

/// A pod with one container that may do nothing, on the node of the control plane where there is one: neighbours survive
/// the loss of a worker. `container` has name, image and what is its own; `volumes` are the pod's.
pub(super) fn restricted(container: &Value, volumes: &Value) -> Value {
    let name = container["name"].clone();
    let mut pod = json!({
        "metadata": { "name": name, "labels": { "app.kubernetes.io/name": name } },
        "spec": {
            "automountServiceAccountToken": false, "enableServiceLinks": false,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [container],
            "volumes": volumes,
        },
    });
    let container = &mut pod["spec"]["containers"][0];
    container["imagePullPolicy"] = json!("IfNotPresent");
    container["securityContext"] = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
    });
    prefer_first_node(&mut pod["spec"]);
    pod
}

/// Makes a pod prefer the node of the control plane.
pub(super) fn prefer_first_node(pod_spec: &mut Value) {
    let control_plane = json!({ "matchExpressions": [{ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists" }] });
    pod_spec["affinity"] = json!({ "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [
        { "weight": 100, "preference": control_plane },
    ] } });
}
