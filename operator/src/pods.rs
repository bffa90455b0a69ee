//! The pods of all stacks, from one watch: which run where, and what ails them.

use std::sync::Arc;

use futures::{StreamExt as _, channel::mpsc::UnboundedSender, pin_mut};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::{
    ResourceExt as _,
    runtime::{
        WatchStreamExt as _,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};

use crate::{
    children::{StoredStack, Watches},
    names::{OWN_SELECTOR, PART_LABEL, Part, STACK_LABEL, StackId},
};

/// A cache of the pods of every stack in one scope, without those of test mails. Pods are trimmed to their metadata,
/// node, container images and status: the rest of a spec is most of its size.
#[derive(Debug, Clone)]
pub struct Pods(Store<Pod>);

impl Pods {
    /// Starts the watch; a stack is sent to `touched` whenever one of its pods changes.
    #[must_use]
    pub fn watch(watches: &Watches<'_>, touched: UnboundedSender<ObjectRef<StoredStack>>) -> Self {
        let (store, writer) = reflector::store();
        let parts = Part::ALL.map(Part::name).join(",");
        let config = watcher::Config::default().labels(&format!("{OWN_SELECTOR},{PART_LABEL} in ({parts})"));
        let events = watcher(watches.api::<Pod>(), config)
            .default_backoff()
            .modify(trim)
            .reflect(writer)
            .touched_objects();
        let (shutdown, metrics) = (watches.shutdown.clone(), watches.metrics.clone());
        watches.shutdown.spawn_critical("watch of pods", async move {
            let events = events.take_until(shutdown.soft().cancelled());
            pin_mut!(events);
            while let Some(event) = events.next().await {
                match event {
                    Ok(pod) => send_stack(&pod, &touched),
                    Err(error) => metrics.watch_failed("Pod", &error),
                }
            }
        });
        Self(store)
    }

    /// A cache that holds the pods among `objects`, without a watch.
    #[cfg(test)]
    pub(crate) fn holding(objects: &[serde_json::Value]) -> Self {
        let (store, mut writer) = reflector::store();
        for object in objects.iter().filter(|object| object["kind"] == "Pod") {
            let mut pod = serde_json::from_value(object.clone()).unwrap();
            trim(&mut pod);
            writer.apply_watcher_event(&watcher::Event::Apply(pod));
        }
        Self(store)
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

fn send_stack(pod: &Pod, touched: &UnboundedSender<ObjectRef<StoredStack>>) {
    let Some(stack) = pod.labels().get(STACK_LABEL) else { return };
    // The receiver is gone only when the process is going.
    let _ = touched.unbounded_send(ObjectRef::new(stack).within(&pod.namespace().unwrap_or_default()));
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
