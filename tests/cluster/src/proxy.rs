//! nginx as a user's own proxy in front of user-service, with the settings that its package has.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use serde_json::{Value, json};

use crate::{case::Case, deadline, images::image, neighbours::stay_on_first_node};

/// Where it answers inside the namespace.
pub const URL: &str = "http://proxy";

impl Case {
    /// Starts it in front of `target`, and waits until it is ready.
    pub async fn start_proxy(&self, target: &str) {
        let config =
            json!({ "metadata": { "name": "proxy" }, "data": { "nginx.conf": configuration(target) } });
        let service = json!({
            "metadata": { "name": "proxy" },
            "spec": { "selector": { "app.kubernetes.io/name": "proxy" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
        });
        let _: ConfigMap = self.apply(config).await;
        let _: Service = self.apply(service).await;
        let _: Pod = self.apply(self.proxy_pod()).await;
        self.wait_pod_ready("proxy", deadline::OPERATOR).await;
    }

    fn proxy_pod(&self) -> Value {
        let mut pod = json!({
            "metadata": { "name": "proxy", "labels": { "app.kubernetes.io/name": "proxy" } },
            "spec": {
                "automountServiceAccountToken": false, "enableServiceLinks": false,
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "containers": [{
                    "name": "nginx", "image": image(&self.cluster, "nginx"), "imagePullPolicy": "IfNotPresent",
                    "command": ["nginx", "-e", "stderr", "-c", "/etc/proxy/nginx.conf", "-g", "daemon off;"],
                    "readinessProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 },
                    "resources": { "requests": { "cpu": "5m", "memory": "16Mi" }, "limits": { "memory": "128Mi" } },
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    },
                    "volumeMounts": [
                        { "name": "config", "mountPath": "/etc/proxy", "readOnly": true },
                        { "name": "tmp", "mountPath": "/tmp" },
                    ],
                }],
                "volumes": [
                    { "name": "config", "configMap": { "name": "proxy" } },
                    { "name": "tmp", "emptyDir": {} },
                ],
            },
        });
        stay_on_first_node(&mut pod, "/spec");
        pod
    }
}

/// What an unprivileged nginx needs, and a plain `proxy_pass`.
fn configuration(target: &str) -> String {
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders: String = folders.map(|name| format!("    {name}_temp_path /tmp/{name};\n")).concat();
    format!(
        "pid /tmp/nginx.pid;\nevents {{}}\nhttp {{\n    access_log off;\n{folders}    \
         server {{\n        listen 8080;\n        location / {{ proxy_pass {target}; }}\n    }}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_passes_everything_on() {
        let text = configuration("http://demo-user-service");
        assert!(text.contains("location / { proxy_pass http://demo-user-service; }"), "{text}");
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
