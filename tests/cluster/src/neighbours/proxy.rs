//! nginx as a user's own proxy in front of user-service, with the settings that its package has.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use serde_json::{Value, json};

use crate::{
    case::Case,
    cluster::{Cluster, images::image},
    deadline,
    neighbours::pod,
    wait::{eventually, seen},
};

/// Where it answers inside the namespace.
pub const URL: &str = "http://proxy";

impl Case {
    /// Starts it in front of `target`, and waits until it answers.
    pub async fn start_proxy(&self, target: &str) {
        let config =
            json!({ "metadata": { "name": "proxy" }, "data": { "nginx.conf": configuration(target) } });
        let service = json!({
            "metadata": { "name": "proxy" },
            "spec": { "selector": { "app.kubernetes.io/name": "proxy" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
        });
        let _: ConfigMap = self.apply(config).await;
        let _: Service = self.apply(service).await;
        let _: Pod = self.apply(pod(&self.cluster)).await;
        self.wait_pod_ready("proxy", deadline::OPERATOR).await;
        // The nodes' rules for the new Service may follow the pod's readiness by a moment.
        eventually("an HTTP response of the proxy", deadline::OPERATOR, async || {
            let answer = self.fetch(URL).await;
            seen(answer.status != 0, || format!("{answer:?}"))
        })
        .await;
    }
}

fn pod(cluster: &Cluster) -> Value {
    let container = json!({
        "name": "proxy", "image": image(cluster, "nginx"),
        "command": ["nginx", "-e", "stderr", "-c", "/etc/proxy/nginx.conf", "-g", "daemon off;"],
        "readinessProbe": { "tcpSocket": { "port": 8080 }, "periodSeconds": 1 },
        "resources": { "requests": { "cpu": "5m", "memory": "16Mi" }, "limits": { "memory": "128Mi" } },
        "volumeMounts": [
            { "name": "config", "mountPath": "/etc/proxy", "readOnly": true },
            { "name": "tmp", "mountPath": "/tmp" },
        ],
    });
    let volumes = json!([
        { "name": "config", "configMap": { "name": "proxy" } },
        { "name": "tmp", "emptyDir": {} },
    ]);
    pod::restricted(&container, &volumes)
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
