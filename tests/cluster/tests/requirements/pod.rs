//! Pods that the Pod Security Standard `restricted` admits: uid 999, root file system read-only.

use cluster::{Case, deadline};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use serde_json::{Value, json};

/// A user of the kind that OpenShift gives out.
const ANY_USER: i64 = 1_000_670_000;

/// A pod that is described, and not created yet.
pub(crate) struct TestPod<'a> {
    case: &'a Case,
    pub(crate) object: Value,
}

impl<'a> TestPod<'a> {
    /// `image` is a name of the lists of images.
    pub(crate) fn new(case: &'a Case, name: &str, image: &str) -> Self {
        let object = json!({
            "metadata": { "name": name, "labels": { "app": name } },
            "spec": {
                "terminationGracePeriodSeconds": 1, "restartPolicy": "OnFailure",
                "automountServiceAccountToken": false,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 999, "fsGroup": 999,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "containers": [{
                    "name": "main", "image": case.image(image), "imagePullPolicy": "IfNotPresent",
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    },
                    "env": [{ "name": "HOME", "value": "/home-of-pod" }],
                    "volumeMounts": [
                        { "name": "scratch", "mountPath": "/tmp" },
                        { "name": "scratch", "mountPath": "/home-of-pod" },
                    ],
                }],
                "volumes": [{ "name": "scratch", "emptyDir": {} }],
            },
        });
        Self { case, object }
    }

    /// A pod with a shell, getent and redis-cli, which does nothing.
    pub(crate) fn client(case: &'a Case, name: &str) -> Self {
        Self::new(case, name, "redis").with("command", json!(["sleep", "infinity"]))
    }

    /// Sets a field of the container.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.object["spec"]["containers"][0][field] = value;
        self
    }

    /// Mounts a claim.
    pub(crate) fn with_claim(self, path: &str, claim: &str) -> Self {
        self.with_volume(path, json!({ "persistentVolumeClaim": { "claimName": claim } }))
    }

    /// Mounts a volume.
    pub(crate) fn with_volume(mut self, path: &str, mut volume: Value) -> Self {
        volume["name"] = json!("data");
        push(&mut self.object["spec"]["volumes"], volume);
        let mount = json!({ "name": "data", "mountPath": path });
        push(&mut self.object["spec"]["containers"][0]["volumeMounts"], mount);
        self
    }

    /// As clusters run it that choose the user: one that the image does not know, of the group 0. It may write into the image's
    /// own folders.
    pub(crate) fn run_as_any_user(mut self) -> Self {
        self.object["spec"]["securityContext"] = json!({
            "runAsNonRoot": true, "runAsUser": ANY_USER, "runAsGroup": 0, "seccompProfile": { "type": "RuntimeDefault" },
        });
        self.object["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = json!(false);
        self
    }

    pub(crate) fn on_node(mut self, node: &str) -> Self {
        self.object["spec"]["nodeSelector"] = json!({ "kubernetes.io/hostname": node });
        self
    }

    /// Creates it.
    pub(crate) async fn create(self) {
        let _: Pod = self.case.apply(self.object).await;
    }

    /// Creates it, and waits until it is ready.
    pub(crate) async fn start(self) {
        let Self { case, object } = self;
        let name = name_of(&object);
        let _: Pod = case.apply(object).await;
        case.wait_pod_ready(&name, deadline::OPERATOR).await;
    }

    /// Starts it, with a Service of its name; it is ready when the port is open.
    pub(crate) async fn serve(self, port: u16) {
        let probe = json!({ "tcpSocket": { "port": port }, "periodSeconds": 1 });
        let pod = self.with("readinessProbe", probe);
        let name = name_of(&pod.object);
        let spec = json!({ "selector": { "app": name }, "ports": [{ "port": port }] });
        let _: Service = pod.case.apply(json!({ "metadata": { "name": name }, "spec": spec })).await;
        pod.start().await;
    }
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().expect("a pod has a name").to_owned()
}

fn push(list: &mut Value, entry: Value) {
    list.as_array_mut().expect("a list").push(entry);
}

/// Creates a claim.
pub(crate) async fn claim(case: &Case, name: &str) {
    let spec =
        json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "100Mi" } } });
    let _: PersistentVolumeClaim = case.apply(json!({ "metadata": { "name": name }, "spec": spec })).await;
}

/// Deletes a pod, and waits until it is gone.
pub(crate) async fn remove(case: &Case, pod: &str) {
    case.delete::<Pod>(pod).await;
    case.wait_no_pod(pod, deadline::OPERATOR).await;
}

/// What a command of the shell in a pod printed.
pub(crate) async fn shell(case: &Case, pod: &str, command: &str) -> Result<String, String> {
    case.try_exec(pod, &["sh", "-c", command]).await
}

/// Repeats a command until it succeeds: kube-proxy knows a new pod behind a Service about a second after it is ready.
pub(crate) async fn shell_eventually(case: &Case, pod: &str, command: &str) {
    let what = format!("'{command}' in {pod}");
    cluster::wait::eventually(what, deadline::READ, async || shell(case, pod, command).await).await;
}
