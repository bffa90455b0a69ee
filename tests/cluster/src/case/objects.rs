//! Objects of any kind: applied, read as JSON, replaced, rolled out.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::{
    case::Case,
    cluster::objects::{Kind, MANAGER, wait_rollout},
    deadline,
    wait::{chain, eventually, seen},
};

impl Case {
    /// Creates an object, or makes it like `object`; kind and API version are filled in.
    pub async fn apply<K: Kind>(&self, mut object: Value) -> K {
        object["apiVersion"] = json!(K::api_version(&()));
        object["kind"] = json!(K::kind(&()));
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let applied =
            self.api::<K>().patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object)).await;
        applied.unwrap_or_else(|error| panic!("could not apply {} {name}: {}", K::kind(&()), chain(error)))
    }

    /// Patches an object by JSON merge patch.
    pub async fn patch<K: Kind>(&self, name: &str, patch: Value) -> K {
        let patched = self.api::<K>().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.unwrap_or_else(|error| panic!("could not patch {} {name}: {}", K::kind(&()), chain(error)))
    }

    pub async fn get<K: Kind>(&self, name: &str) -> K {
        let found = self.api::<K>().get(name).await;
        found.unwrap_or_else(|error| panic!("no {} {name}: {}", K::kind(&()), chain(error)))
    }

    /// The object's uid, or none where it is missing.
    pub async fn uid<K: Kind>(&self, name: &str) -> Option<String> {
        self.api::<K>().get_metadata_opt(name).await.ok().flatten().and_then(|object| object.metadata.uid)
    }

    /// Deletes an object, without waiting for its end. One that is gone already is fine.
    pub async fn delete<K: Kind>(&self, name: &str) {
        match self.api::<K>().delete(name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => panic!("could not delete {} {name}: {}", K::kind(&()), chain(error)),
        }
    }

    /// Deletes an object of a stack, and waits until the operator has recreated it.
    pub async fn recreate<K: Kind>(&self, name: &str) {
        let old = self.uid::<K>(name).await;
        assert!(old.is_some(), "no {} {name} to delete", K::kind(&()));
        let began = Instant::now();
        self.delete::<K>(name).await;
        self.wait_new::<K>(name, old.as_deref(), deadline::SERVER).await;
        self.step(&format!("{} {name} was back after {:.1} s", K::kind(&()), began.elapsed().as_secs_f32()));
    }

    /// The names of the objects with these labels.
    pub async fn names<K: Kind>(&self, selector: &str) -> Result<Vec<String>, String> {
        let listed = self.api::<K>().list_metadata(&ListParams::default().labels(selector)).await;
        let names = listed.map_err(chain)?.into_iter().filter_map(|object| object.metadata.name);
        Ok(names.collect())
    }

    /// Waits until there is an object of this name.
    pub async fn wait_present<K: Kind>(&self, name: &str, deadline: Duration) {
        self.wait_new::<K>(name, None, deadline).await;
    }

    /// Waits until an object is as `look` wants it, which says what is missing.
    pub async fn wait_object<K: Kind>(
        &self,
        name: &str,
        deadline: Duration,
        look: impl Fn(&K) -> Result<(), String>,
    ) {
        eventually(format!("{} {name} to change", K::kind(&())), deadline, async || {
            look(&self.api::<K>().get(name).await.map_err(chain)?)
        })
        .await;
    }

    /// Waits until there is no object of this name.
    pub async fn wait_absent<K: Kind>(&self, name: &str, deadline: Duration) {
        eventually(format!("{} {name} to be gone", K::kind(&())), deadline, async || {
            let found = self.api::<K>().get_metadata_opt(name).await.map_err(chain)?;
            seen(found.is_none(), || "it is there".to_owned())
        })
        .await;
    }

    /// Waits for an object of this name with another uid than `old`.
    pub async fn wait_new<K: Kind>(&self, name: &str, old: Option<&str>, deadline: Duration) {
        eventually(format!("a new {} {name}", K::kind(&())), deadline, async || {
            let uid = self.uid::<K>(name).await.ok_or("none")?;
            seen(Some(uid.as_str()) != old, || "the old one".to_owned())
        })
        .await;
    }

    /// Waits until a StatefulSet runs its newest template only, with every replica ready.
    pub async fn wait_stateful_set(&self, name: &str, deadline: Duration) {
        wait_rollout(&self.api::<StatefulSet>(), name, deadline).await;
    }

    /// Waits until a Deployment runs its newest template only, with every replica ready.
    pub async fn wait_deployment(&self, name: &str, deadline: Duration) {
        wait_rollout(&self.api::<Deployment>(), name, deadline).await;
    }

    /// Restarts a StatefulSet as `kubectl rollout restart` does, and waits until all its pods are new and ready.
    pub async fn roll_stateful_set(&self, name: &str, deadline: Duration) {
        let api = self.api::<StatefulSet>();
        api.restart(name).await.unwrap_or_else(|error| panic!("could not restart {name}: {}", chain(error)));
        wait_rollout(&api, name, deadline).await;
    }

    /// Restarts a Deployment as `kubectl rollout restart` does, and waits until all its pods are new and ready.
    pub async fn roll_deployment(&self, name: &str, deadline: Duration) {
        let api = self.api::<Deployment>();
        api.restart(name).await.unwrap_or_else(|error| panic!("could not restart {name}: {}", chain(error)));
        wait_rollout(&api, name, deadline).await;
    }
}
