//! The pods of all stacks, from one watch: which run where, and what ails them.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::{ResourceExt as _, runtime::reflector::Store};

use super::{Touched, Watch, Watches, send_labelled};
use crate::names::{OWN_SELECTOR, PART_LABEL, Part, STACK_LABEL, StackId};

/// A cache of the pods of every stack in one scope, without those of test mails. Pods are trimmed to their metadata,
/// node, container images and status: the rest of a spec is most of its size.
#[derive(Debug, Clone)]
pub struct Pods(Store<Pod>);

impl Pods {
    /// Starts the watch; a stack is sent to `touched` whenever one of its pods changes.
    #[must_use]
    pub fn watch(watches: &Watches<'_>, touched: Touched) -> Self {
        let parts = Part::ALL.map(Part::name).join(",");
        Self(watches.start(Watch {
            name: "watch of pods",
            selector: format!("{OWN_SELECTOR},{PART_LABEL} in ({parts})"),
            trim,
            changed: Box::new(move |pod| send_labelled(pod, &touched)),
        }))
    }

    /// A cache that holds the pods among `objects`, without a watch.
    #[cfg(test)]
    pub(crate) fn holding(objects: &[serde_json::Value]) -> Self {
        let pods = objects.iter().filter(|object| object["kind"] == "Pod");
        Self(super::holding(pods.map(|object| {
            let mut pod = serde_json::from_value(object.clone()).unwrap();
            trim(&mut pod);
            pod
        })))
    }

    /// Waits until the cache has been filled once; `false` if the watch ended before that.
    pub async fn filled(&self) -> bool {
        self.0.wait_until_ready().await.is_ok()
    }

    /// The pods of a part, by name.
    #[must_use]
    pub fn of(&self, id: &StackId, part: Part) -> Vec<Arc<Pod>> {
        let is_of_part = |pod: &Pod| {
            let labels = pod.labels();
            pod.namespace().as_deref() == Some(id.namespace.as_str())
                && labels.get(STACK_LABEL).is_some_and(|stack| *stack == id.name)
                && labels.get(PART_LABEL).is_some_and(|label| label == part.name())
        };
        let mut pods = self.0.state_filter(is_of_part);
        pods.sort_by_key(|pod| pod.name_any());
        pods
    }
}

fn trim(pod: &mut Pod) {
    pod.metadata.managed_fields = None;
    let Some(spec) = pod.spec.take() else { return };
    let essential = |container: Container| Container {
        name: container.name,
        image: container.image,
        ..Container::default()
    };
    pod.spec = Some(PodSpec {
        node_name: spec.node_name,
        containers: spec.containers.into_iter().map(essential).collect(),
        ..PodSpec::default()
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Pods;
    use crate::names::{Part, StackId};

    fn pod(namespace: &str, stack: &str, part: &str, name: &str) -> serde_json::Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": namespace,
                "labels": { "pingstack.dev/stack": stack, "pingstack.dev/part": part },
            },
            "spec": {
                "nodeName": "node-1",
                "containers": [{ "name": "redis", "image": "redis:8", "env": [{ "name": "A", "value": "b" }] }],
            },
        })
    }

    #[test]
    fn pods_are_found_by_namespace_stack_and_part_and_keep_node_and_image_alone() {
        let pods = Pods::holding(&[
            pod("team", "demo", "rabbitmq", "demo-rabbitmq-1"),
            pod("team", "demo", "rabbitmq", "demo-rabbitmq-0"),
            pod("team", "demo", "redis", "demo-redis-0"),
            pod("team", "other", "rabbitmq", "other-rabbitmq-0"),
            pod("shop", "demo", "rabbitmq", "demo-rabbitmq-0"),
        ]);
        let id = StackId { namespace: "team".to_owned(), name: "demo".to_owned(), uid: "1".to_owned() };
        let found = pods.of(&id, Part::RabbitMq);
        let names = found.iter().map(|pod| pod.metadata.name.clone().unwrap()).collect::<Vec<_>>();
        assert_eq!(names, ["demo-rabbitmq-0", "demo-rabbitmq-1"]);
        let spec = found[0].spec.clone().unwrap();
        assert_eq!(spec.node_name.as_deref(), Some("node-1"));
        assert_eq!(spec.containers[0].image.as_deref(), Some("redis:8"));
        assert_eq!(spec.containers[0].env, None);
    }
}
