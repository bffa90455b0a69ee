//! What the operator watches of the objects of its stacks: one watch per kind, and which stack each object belongs to.
//!
//! - [`children`]: the objects that the operator makes;
//! - [`pods`]: the pods that Kubernetes makes from them.

use std::fmt::Debug;

use futures::{StreamExt as _, channel::mpsc::UnboundedSender, pin_mut};
use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt as _,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use pingstack_crd::PingStack;
use serde::de::DeserializeOwned;
use service_kit::shutdown::Shutdown;

use crate::{metrics::OperatorMetrics, names::STACK_LABEL};

mod children;
mod pods;

pub use children::{ChildKind, Children};
pub use pods::Pods;

/// A stack as the API server stores it, which an older schema may have let through.
pub type StoredStack = DeserializeGuard<PingStack>;

/// Where the stacks go whose objects change.
pub type Touched = UnboundedSender<ObjectRef<StoredStack>>;

/// How watches are started.
pub struct Watches<'a> {
    /// The API server.
    pub client: &'a Client,
    /// One namespace, or all.
    pub namespace: Option<&'a str>,
    /// Ends them.
    pub shutdown: &'a Shutdown,
    /// Counts the watches that fail.
    pub metrics: &'a OperatorMetrics,
}

impl Watches<'_> {
    /// The API of a kind in the scope.
    #[must_use]
    pub fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        match self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// Starts a watch, and returns the cache that it fills.
    fn start<K>(&self, watch: Watch<K>) -> Store<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync,
        K: k8s_openapi::Resource + 'static,
    {
        let (store, writer) = reflector::store();
        let events = watcher(self.api::<K>(), watcher::Config::default().labels(&watch.selector))
            .default_backoff()
            .modify(watch.trim)
            .reflect(writer)
            .touched_objects();
        let shutdown = self.shutdown.clone();
        let metrics = self.metrics.clone();
        self.shutdown.spawn_critical(watch.name, async move {
            let events = events.take_until(shutdown.soft().cancelled());
            pin_mut!(events);
            while let Some(event) = events.next().await {
                match event {
                    Ok(object) => (watch.changed)(&object),
                    Err(error) => metrics.watch_failed(K::KIND, &error),
                }
            }
        });
        store
    }
}

/// The watch of a kind.
struct Watch<K> {
    /// The name of its task.
    name: &'static str,
    /// By the objects' labels.
    selector: String,
    /// Removes what the cache need not hold.
    trim: fn(&mut K),
    /// Is called with each object that changes.
    changed: Box<dyn Fn(&K) + Send>,
}

/// Sends the stack that an object is labelled with.
fn send_labelled<K: Resource>(object: &K, touched: &Touched) {
    if let Some(stack) = object.labels().get(STACK_LABEL) {
        send(stack, object, touched);
    }
}

/// Sends a stack in the namespace of `object`.
fn send<K: Resource>(stack: &str, object: &K, touched: &Touched) {
    // The receiver is gone only when the process is going.
    let _ = touched.unbounded_send(ObjectRef::new(stack).within(&object.namespace().unwrap_or_default()));
}

/// A cache of these objects, without a watch.
#[cfg(test)]
fn holding<K>(objects: impl Iterator<Item = K>) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let (store, mut writer) = reflector::store();
    objects.for_each(|object| writer.apply_watcher_event(&watcher::Event::Apply(object)));
    store
}

/// Whether an entry of an object's managed fields is of a manager that set `spec.replicas`. Caches keep these entries alone.
#[must_use]
pub fn owns_replicas(entry: &ManagedFieldsEntry) -> bool {
    entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer("/f:spec/f:replicas").is_some())
}
