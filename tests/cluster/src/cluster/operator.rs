//! The operator as its owner installs it: by Helm, in a namespace of its own that enforces `restricted`.

use std::{path::Path, time::Duration};

use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease, core::v1::Namespace};
use kube::{
    Api,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde_json::json;
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{
    cluster::{
        Cluster, kubectl,
        objects::{MANAGER, wait_rollout},
        older,
    },
    crd_version::use_first_version,
    deadline, settings,
    wait::{chain, eventually, seen},
};

const CRD: &str = "pingstacks.pingstack.dev";
pub(crate) const NAMESPACE: &str = "ping-e2e-operator";
/// Its Helm release and Deployment.
pub(crate) const NAME: &str = "ping-operator";
/// The namespaces that network policies of all stacks let in.
const NEIGHBOURS: [&str; 2] =
    ["neighbours.ingressNamespace=ingress-nginx", "neighbours.prometheusNamespace=monitoring"];
const HELM_TIMEOUT: &str = "180s";

static TURNS: RwLock<()> = RwLock::const_new(());
static INSTALLED: OnceCell<()> = OnceCell::const_new();

/// A case's turn at the operator; it ends when this is dropped.
#[expect(dead_code, reason = "the guards are held, not read")]
pub(crate) enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Exclusive(RwLockWriteGuard<'static, ()>),
}

pub(crate) async fn shared_turn() -> Turn {
    Turn::Shared(TURNS.read().await)
}

pub(crate) async fn exclusive_turn() -> Turn {
    Turn::Exclusive(TURNS.write().await)
}

/// Installs the operator of this repository, once in a run.
pub(crate) async fn install_once(cluster: &Cluster) {
    let install = async {
        let operator = Operator { cluster };
        operator.create_namespace().await;
        operator.install(&[]).await;
        // Its image may be newer than its pods: the tag of a development image stays the same.
        operator.restart().await;
    };
    INSTALLED.get_or_init(|| install).await;
}

/// The operator, for cases that have the cluster to themselves.
pub struct Operator<'a> {
    pub(crate) cluster: &'a Cluster,
}

impl Operator<'_> {
    /// Installs it, or upgrades it to these values and no others beside those of all cases; returns when its pods are ready.
    pub async fn install(&self, values: &[&str]) {
        self.try_install(values).await.unwrap_or_else(|error| {
            panic!("the operator could not be installed, what make up made is removed by KEEP_CLUSTER=1 make down: {error}")
        });
    }

    /// Installs the operator of an older commit with its own images, chart and CRD. They are built once, in ten minutes. The CRD
    /// in use is deleted first: the API server refuses one without the version that it stores.
    pub async fn install_older(&self, commit: &str) {
        self.delete_crd().await;
        self.install_older_with(commit, &[]).await;
        use_first_version(true);
    }

    /// Goes back to the operator of an older commit, as the documentation says: with the CRD that there is.
    pub async fn roll_back_to(&self, commit: &str) {
        self.annotate_crd("helm.sh/resource-policy=keep").await;
        self.install_older_with(commit, &["crds.enabled=false"]).await;
        self.annotate_crd("helm.sh/resource-policy-").await;
    }

    /// Helm deletes no object that says that it is kept.
    async fn annotate_crd(&self, annotation: &str) {
        let done = kubectl::run("kubectl", &["annotate", "crd", CRD, annotation, "--overwrite"]).await;
        drop(done.unwrap_or_else(|error| panic!("the CRD cannot be annotated: {error}")));
    }

    async fn delete_crd(&self) {
        let stacks = ["get", "pingstacks", "--all-namespaces", "--output", "name"];
        let left = kubectl::run("kubectl", &stacks).await.unwrap_or_default();
        assert!(left.trim().is_empty(), "stacks would be deleted with the CRD: {left}");
        let delete = ["delete", "crd", CRD, "--ignore-not-found", "--timeout", "60s"];
        let deleted = kubectl::run("kubectl", &delete).await;
        drop(deleted.unwrap_or_else(|error| panic!("the CRD cannot be deleted: {error}")));
    }

    async fn install_older_with(&self, commit: &str, more: &[&str]) {
        let folder = older::load(self.cluster, commit).await;
        let folder = folder.unwrap_or_else(|error| panic!("no images of {commit}: {error}"));
        let values = [
            "image.tag=older",
            "stackImages.userService=localhost/ping/user-service:older",
            "stackImages.mailService=localhost/ping/mail-service:older",
        ];
        let installed = self.install_from(&folder, &[&values[..], more].concat()).await;
        installed.unwrap_or_else(|error| panic!("the older operator could not be installed: {error}"));
    }

    /// The same as `install`, for values that cannot become ready.
    pub async fn try_install(&self, values: &[&str]) -> Result<(), String> {
        self.install_from(&self.cluster.repository, values).await
    }

    async fn install_from(&self, repository: &Path, values: &[&str]) -> Result<(), String> {
        let chart = repository.join("charts/ping-operator").display().to_string();
        let mut arguments = vec!["upgrade", "--install", NAME, &chart, "--namespace", NAMESPACE];
        arguments.extend(["--reset-values", "--set", "crds.keep=false"]);
        // The CRD may be that of a release of another name.
        arguments.push("--take-ownership");
        let usual = settings::operator_values();
        let usual = NEIGHBOURS.into_iter().chain(usual.iter().map(String::as_str));
        let all = usual.chain(values.iter().copied());
        arguments.extend(all.flat_map(|value| ["--set", value]));
        arguments.extend(["--wait", "--timeout", HELM_TIMEOUT]);
        kubectl::run("helm", &arguments).await?;
        use_first_version(false);
        Ok(())
    }

    /// Upgrades an older release to this chart with the values that it has, as `helm upgrade --reuse-values` does.
    pub async fn upgrade_reusing_values(&self) {
        let chart = self.cluster.repository.join("charts/ping-operator").display().to_string();
        let mut arguments = vec!["upgrade", NAME, &chart, "--namespace", NAMESPACE, "--reuse-values"];
        arguments.extend(["--force-conflicts", "--wait", "--timeout", HELM_TIMEOUT]);
        let upgraded = kubectl::run("helm", &arguments).await;
        drop(upgraded.unwrap_or_else(|error| panic!("the values of the release cannot be reused: {error}")));
        use_first_version(false);
    }

    /// Removes it and installs it as another release in another namespace. The CRD stays.
    pub async fn move_to(&self, release: &str, namespace: &str) {
        // Helm keeps what the release says, whatever the object itself says meanwhile.
        self.install(&["crds.keep=true"]).await;
        self.uninstall().await;
        let chart = self.cluster.repository.join("charts/ping-operator").display().to_string();
        let mut arguments = vec!["install", release, &chart, "--namespace", namespace];
        let usual = settings::operator_values();
        let usual = NEIGHBOURS.into_iter().chain(usual.iter().map(String::as_str));
        arguments.extend(usual.flat_map(|value| ["--set", value]));
        arguments.extend(["--take-ownership", "--wait", "--timeout", HELM_TIMEOUT]);
        let installed = kubectl::run("helm", &arguments).await;
        drop(installed.unwrap_or_else(|error| panic!("the operator could not be installed again: {error}")));
    }

    /// Removes the other release, and installs the usual one.
    pub async fn move_back(&self, release: &str, namespace: &str) {
        let arguments = ["uninstall", release, "--namespace", namespace, "--wait", "--timeout", HELM_TIMEOUT];
        let done = kubectl::run("helm", &arguments).await;
        drop(done.unwrap_or_else(|error| panic!("could not uninstall the release {release}: {error}")));
        self.install(&[]).await;
        self.annotate_crd("helm.sh/resource-policy-").await;
    }

    /// Replaces its pods, and waits for the new ones.
    pub async fn restart(&self) {
        let restarted = self.api::<Deployment>().restart(NAME).await;
        restarted.unwrap_or_else(|error| panic!("could not restart the operator: {}", chain(error)));
        wait_rollout(&self.api::<Deployment>(), NAME, deadline::SERVER).await;
    }

    /// Sets the number of its pods as `kubectl scale` does, and waits until there are as many.
    pub async fn scale(&self, replicas: i32) {
        let api = self.api::<Deployment>();
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        let patched = api.patch_scale(NAME, &PatchParams::default(), &patch).await;
        patched.unwrap_or_else(|error| panic!("could not scale the operator: {}", chain(error)));
        eventually(format!("{replicas} pods of the operator"), deadline::SERVER, async || {
            let pods = self.pod_names().await?;
            seen(pods.len() == usize::try_from(replicas).unwrap_or_default(), || format!("{pods:?}"))
        })
        .await;
        self.wait_rollout().await;
    }

    /// Removes it with Helm, as its owner does.
    pub async fn uninstall(&self) {
        let arguments = ["uninstall", NAME, "--namespace", NAMESPACE, "--wait", "--timeout", HELM_TIMEOUT];
        let done = kubectl::run("helm", &arguments).await;
        drop(done.unwrap_or_else(|error| panic!("could not uninstall the operator: {error}")));
    }

    #[must_use]
    pub const fn namespace(&self) -> &'static str {
        NAMESPACE
    }

    /// The pod that reconciles: the holder of the Lease, or none between two.
    pub async fn leader(&self) -> Result<String, String> {
        let lease = self.api::<Lease>().get(NAME).await.map_err(chain)?;
        let holder = lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
        if holder.is_empty() { Err("no leader".to_owned()) } else { Ok(holder) }
    }

    /// Waits until its Deployment runs its newest template only, with every replica ready.
    pub async fn wait_rollout(&self) {
        wait_rollout(&self.api::<Deployment>(), NAME, deadline::SERVER).await;
    }

    /// Its log lines of the last `since`, all pods.
    pub async fn logs(&self, since: Duration) -> String {
        let since = format!("{}s", since.as_secs().max(1));
        let selector = format!("app.kubernetes.io/name={NAME}");
        let arguments =
            ["--namespace", NAMESPACE, "logs", "--selector", &selector, "--tail", "-1", "--since", &since];
        kubectl::run("kubectl", &arguments)
            .await
            .unwrap_or_else(|error| panic!("no logs of the operator: {error}"))
    }

    /// Objects of a kind in its namespace.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.cluster.client.clone(), NAMESPACE)
    }

    pub async fn pod_names(&self) -> Result<Vec<String>, String> {
        let pods = self.api::<k8s_openapi::api::core::v1::Pod>();
        let selector = format!("app.kubernetes.io/name={NAME}");
        let list =
            pods.list_metadata(&kube::api::ListParams::default().labels(&selector)).await.map_err(chain)?;
        Ok(list.into_iter().filter_map(|pod| pod.metadata.name).collect())
    }

    async fn create_namespace(&self) {
        let api: Api<Namespace> = Api::all(self.cluster.client.clone());
        let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE, "labels": labels },
        });
        let applied = api.patch(NAMESPACE, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object)).await;
        applied.unwrap_or_else(|error| panic!("could not create {NAMESPACE}: {}", chain(error)));
    }
}
