//! Pods of a case: replaced, killed, executed in, read.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, PersistentVolumeClaim, Pod};
use kube::api::{DeleteParams, ListParams, LogParams};
use serde_json::json;

use crate::{
    case::Case,
    cluster::{images::image, kubectl, namespace::PodSecurity},
    deadline,
    wait::{chain, eventually, seen},
};

/// Finds the processes of a container by its id in their cgroup, and kills them. An unprivileged user may: it is theirs.
const KILL: &str = r#"killed=1
for cgroup in $(grep -ls "$1" /proc/[0-9]*/cgroup); do
    pid=${cgroup#/proc/} && kill -KILL "${pid%/cgroup}" && killed=0
done
exit $killed"#;

impl Case {
    /// Deletes a pod with its own grace period, and waits until its successor is ready.
    pub async fn replace_pod(&self, name: &str) {
        let old = self.uid::<Pod>(name).await;
        self.delete::<Pod>(name).await;
        self.wait_new::<Pod>(name, old.as_deref(), deadline::SERVER).await;
        self.wait_pod_ready(name, deadline::SERVER).await;
    }

    /// Deletes a pod of a StatefulSet together with its volume, and waits for the new claim. The old claim is gone only once
    /// its pod is.
    pub async fn lose_volume(&self, pod: &str) {
        let claim = format!("data-{pod}");
        let before = self.uid::<PersistentVolumeClaim>(&claim).await;
        self.delete::<PersistentVolumeClaim>(&claim).await;
        self.delete::<Pod>(pod).await;
        self.wait_new::<PersistentVolumeClaim>(&claim, before.as_deref(), deadline::SERVER).await;
    }

    /// Deletes a pod that has one second to stop, and waits until its successor is ready.
    pub async fn kill_pod(&self, name: &str) {
        let old = self.uid::<Pod>(name).await;
        let deleted = self.api::<Pod>().delete(name, &DeleteParams::default().grace_period(1)).await;
        drop(deleted.unwrap_or_else(|error| panic!("could not delete the pod {name}: {}", chain(error))));
        self.wait_new::<Pod>(name, old.as_deref(), deadline::SERVER).await;
        self.wait_pod_ready(name, deadline::SERVER).await;
    }

    /// Deletes a pod as if its node were lost: without grace, and without waiting.
    pub async fn delete_pod_at_once(&self, name: &str) {
        let deleted = self.api::<Pod>().delete(name, &DeleteParams::default().grace_period(0)).await;
        drop(deleted.unwrap_or_else(|error| panic!("could not delete the pod {name}: {}", chain(error))));
    }

    /// Waits until there is no pod of this name.
    pub async fn wait_no_pod(&self, name: &str, deadline: Duration) {
        eventually(format!("the pod {name} to be gone"), deadline, async || {
            let pod = self.api::<Pod>().get_opt(name).await.map_err(chain)?;
            pod.map_or(Ok(()), |pod| Err(summary(&pod)))
        })
        .await;
    }

    /// Waits until a pod is ready.
    pub async fn wait_pod_ready(&self, name: &str, deadline: Duration) {
        eventually(format!("the pod {name} to be ready"), deadline, async || {
            let pod = self.api::<Pod>().get(name).await.map_err(chain)?;
            seen(is_ready(&pod) && pod.metadata.deletion_timestamp.is_none(), || summary(&pod))
        })
        .await;
    }

    /// Kills the process of a container with SIGKILL, and waits until its successor is ready. A pod in the node's process
    /// namespace does it: nothing in the container's own may kill its first process.
    pub async fn kill_container(&self, pod: &str, container: &str) {
        let before = self.get::<Pod>(pod).await;
        let status =
            status_of(&before, container).unwrap_or_else(|| panic!("no container {container} in {pod}"));
        let id = status.container_id.as_deref().and_then(|id| id.rsplit('/').next()).unwrap_or_default();
        assert!(!id.is_empty(), "the container {container} of {pod} does not run");
        let namespace = self.create_namespace("host", PodSecurity::Privileged).await;
        self.run_killer(&namespace, &before, id).await;
        let restarts = status.restart_count;
        eventually(
            format!("the container {container} of {pod} to be restarted"),
            deadline::SERVER,
            async || {
                let pod = self.api::<Pod>().get(pod).await.map_err(chain)?;
                let again = status_of(&pod, container).is_some_and(|status| status.restart_count > restarts);
                seen(again && is_ready(&pod), || summary(&pod))
            },
        )
        .await;
    }

    async fn run_killer(&self, namespace: &str, victim: &Pod, container_id: &str) {
        let spec = victim.spec.as_ref();
        let user = spec.and_then(|spec| spec.security_context.as_ref()?.run_as_user).unwrap_or_default();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "killer" },
            "spec": {
                "hostPID": true, "restartPolicy": "Never", "automountServiceAccountToken": false,
                "nodeName": spec.and_then(|spec| spec.node_name.as_deref()),
                "securityContext": { "runAsUser": user, "runAsGroup": user },
                "containers": [{
                    "name": "killer", "image": image(&self.cluster, "redis"), "imagePullPolicy": "IfNotPresent",
                    "command": ["bash", "-c", KILL, "killer", container_id],
                }],
            },
        });
        let pods: kube::Api<Pod> = kube::Api::namespaced(self.kube().clone(), namespace);
        let pod = serde_json::from_value(pod).unwrap_or_else(|error| panic!("not a pod: {error}"));
        let created = pods.create(&kube::api::PostParams::default(), &pod).await;
        created.unwrap_or_else(|error| panic!("could not create the pod killer: {}", chain(error)));
        eventually("the pod killer to end", deadline::OPERATOR, async || {
            let pod = pods.get("killer").await.map_err(chain)?;
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            assert_ne!(phase, Some("Failed"), "no process of the container {container_id} was killed");
            seen(phase == Some("Succeeded"), || summary(&pod))
        })
        .await;
    }

    /// What a command in a pod printed.
    pub async fn exec(&self, pod: &str, command: &[&str]) -> String {
        let done = self.try_exec(pod, command).await;
        done.unwrap_or_else(|error| panic!("the command in {pod} failed: {error}"))
    }

    /// What a command in a pod printed, or why it failed.
    pub async fn try_exec(&self, pod: &str, command: &[&str]) -> Result<String, String> {
        let mut arguments = vec!["--namespace", &self.namespace, "exec", pod, "--"];
        arguments.extend(command);
        kubectl::run("kubectl", &arguments).await
    }

    /// What kubectl printed, in the case's namespace.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// What kubectl printed, or why it failed.
    pub async fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let all = [&["--namespace", self.namespace.as_str()], arguments].concat();
        kubectl::run("kubectl", &all).await
    }

    /// The whole log of a pod's first container, and of the container before its last restart where `previous` is set.
    pub async fn log(&self, pod: &str, previous: bool) -> String {
        let read = self.api::<Pod>().logs(pod, &LogParams { previous, ..LogParams::default() }).await;
        read.unwrap_or_else(|error| panic!("no log of {pod}: {}", chain(error)))
    }

    /// The pods of a part of a stack, such as `redis` or `mail-service`.
    pub async fn pods_of(&self, stack: &str, part: &str) -> Vec<Pod> {
        let selector = format!("pingstack.dev/stack={stack},pingstack.dev/part={part}");
        let listed = self.api::<Pod>().list(&ListParams::default().labels(&selector)).await;
        listed.unwrap_or_else(|error| panic!("no pods of {part}: {}", chain(error))).items
    }
}

/// Whether a pod is ready.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn status_of<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.iter().find(|status| status.name == container)
}

/// A pod in one line: phase, node, and each container's state.
pub(crate) fn summary(pod: &Pod) -> String {
    let name = pod.metadata.name.as_deref().unwrap_or("?");
    let Some(status) = &pod.status else { return format!("{name} without a status") };
    let containers = status.container_statuses.as_deref().unwrap_or_default().iter().map(|container| {
        let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
        let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        format!(
            "{} ready={} restarts={}{}{}",
            container.name,
            container.ready,
            container.restart_count,
            waiting
                .map(|waiting| format!(" {}", waiting.reason.as_deref().unwrap_or("waiting")))
                .unwrap_or_default(),
            ended.map(|ended| format!(" last ended with {}", ended.exit_code)).unwrap_or_default(),
        )
    });
    let containers = containers.collect::<Vec<_>>().join(", ");
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("no node");
    let ending = if pod.metadata.deletion_timestamp.is_some() { ", being deleted" } else { "" };
    format!("{name} {} on {node}{ending}: {containers}", status.phase.as_deref().unwrap_or("?"))
}
