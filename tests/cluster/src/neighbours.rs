//! The user's own things beside a stack: Mailpit, and the pod that signs in.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::{case::Case, deadline, images::image, objects::wait_rollout};

/// The sample that brings Mailpit.
const SAMPLE: &str = "k8s/samples/pingstack-minimal.yaml";
/// Enough for fifteen minutes of twenty sign-ins a second, and their copies.
const MAX_MAILS: &str = "50000";

impl Case {
    /// Starts both and waits until they are ready.
    pub(crate) async fn start_neighbours(&self) {
        for object in self.mail_server() {
            match object["kind"].as_str() {
                Some("Service") => drop(self.apply::<Service>(object).await),
                Some("Deployment") => drop(self.apply::<Deployment>(object).await),
                _ => {}
            }
        }
        let _: Pod = self.apply(self.client_pod()).await;
        wait_rollout(&self.api::<Deployment>(), "mailpit", deadline::OPERATOR).await;
        self.wait_pod_ready("client", deadline::OPERATOR).await;
        self.wait_client().await;
    }

    /// What the minimal sample has beside the stack.
    fn mail_server(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.cluster.repository.join(SAMPLE));
        let text = text.unwrap_or_else(|error| panic!("{SAMPLE} cannot be read: {error}"));
        let objects = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
        let objects: Result<Vec<Value>, _> = objects.collect();
        let mut objects = objects.unwrap_or_else(|error| panic!("{SAMPLE} is no YAML: {error}"));
        for object in &mut objects {
            raise_mail_limit(object);
            stay_on_first_node(object, "/spec/template/spec");
        }
        objects
    }

    fn client_pod(&self) -> Value {
        let mut pod = json!({
            "metadata": { "name": "client", "labels": { "app.kubernetes.io/name": "client" } },
            "spec": {
                "automountServiceAccountToken": false, "enableServiceLinks": false,
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "containers": [{
                    "name": "client", "image": image(&self.cluster, "test-client"), "imagePullPolicy": "IfNotPresent",
                    "ports": [{ "containerPort": 8080 }],
                    "readinessProbe": { "httpGet": { "path": "/ready", "port": 8080 }, "periodSeconds": 1 },
                    "resources": { "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "512Mi" } },
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    },
                }],
            },
        });
        stay_on_first_node(&mut pod, "/spec");
        pod
    }
}

fn raise_mail_limit(object: &mut Value) {
    let Some(settings) = object.pointer_mut("/spec/template/spec/containers/0/env") else { return };
    for setting in settings.as_array_mut().into_iter().flatten() {
        if setting["name"] == "MP_MAX_MESSAGES" {
            setting["value"] = json!(MAX_MAILS);
        }
    }
}

/// Neighbours survive the loss of a worker: they prefer the node of the control plane, where there is such a node.
pub(crate) fn stay_on_first_node(object: &mut Value, pod_spec: &str) {
    let Some(pod_spec) = object.pointer_mut(pod_spec) else { return };
    let control_plane = json!({ "matchExpressions": [{ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists" }] });
    pod_spec["affinity"] = json!({ "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [
        { "weight": 100, "preference": control_plane },
    ] } });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_limit_of_mails_is_changed_in_the_sample() {
        let container = |limit: &str| {
            let settings =
                json!([{ "name": "A", "value": "1" }, { "name": "MP_MAX_MESSAGES", "value": limit }]);
            json!({ "spec": { "template": { "spec": { "containers": [{ "env": settings }] } } } })
        };
        let mut object = container("20000");
        raise_mail_limit(&mut object);
        assert_eq!(object, container(MAX_MAILS));
    }
}
