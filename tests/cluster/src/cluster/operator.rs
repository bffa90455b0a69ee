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
    case::Case,
    cluster::{Cluster, kubectl, objects::wait_rollout},
    deadline, settings,
    wait::{chain, eventually, seen},
};

/// Its namespace.
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
    cluster: &'a Cluster,
}

impl Case {
    /// The operator. Only a case that runs [`alone`](Case::alone) may change it.
    #[must_use]
    pub fn operator(&self) -> Operator<'_> {
        Operator { cluster: &self.cluster }
    }
}

impl Operator<'_> {
    /// Installs it, or upgrades it to these values and no others beside those of all cases; returns when its pods are ready.
    pub async fn install(&self, values: &[&str]) {
        self.try_install(values).await.unwrap_or_else(|error| {
            panic!("the operator could not be installed, what make up made is removed by KEEP_CLUSTER=1 make down: {error}")
        });
    }

    /// Installs the operator of an older commit with its own images and chart. They are built once, in ten minutes.
    pub async fn install_older(&self, commit: &str) {
        let program = self.cluster.repository.join("tests/cluster/older");
        let printed = kubectl::run_path(&program, &[commit]).await;
        let printed = printed.unwrap_or_else(|error| panic!("no images of {commit}: {error}"));
        let folder = Path::new(printed.lines().last().unwrap_or_default());
        let values = [
            "image.tag=older",
            "stackImages.userService=localhost/ping/user-service:older",
            "stackImages.mailService=localhost/ping/mail-service:older",
        ];
        let installed = self.install_from(folder, &values).await;
        installed.unwrap_or_else(|error| panic!("the older operator could not be installed: {error}"));
    }

    /// The same as `install`, for values that cannot become ready.
    pub async fn try_install(&self, values: &[&str]) -> Result<(), String> {
        self.install_from(&self.cluster.repository, values).await
    }

    async fn install_from(&self, repository: &Path, values: &[&str]) -> Result<(), String> {
        let chart = repository.join("charts/ping-operator").display().to_string();
        let mut arguments = vec!["upgrade", "--install", NAME, &chart, "--namespace", NAMESPACE];
        // A case may replace the CRD, which makes it an owner of the fields.
        arguments.extend(["--force-conflicts", "--reset-values", "--set", "crds.keep=false"]);
        let usual = settings::operator_values();
        let usual = NEIGHBOURS.into_iter().chain(usual.iter().map(String::as_str));
        let all = usual.chain(values.iter().copied());
        arguments.extend(all.flat_map(|value| ["--set", value]));
        arguments.extend(["--wait", "--timeout", HELM_TIMEOUT]);
        kubectl::run("helm", &arguments).await.map(drop)
    }

    /// Goes back to the revision of the release before the last.
    pub async fn roll_back(&self) {
        let arguments = ["rollback", NAME, "--namespace", NAMESPACE, "--wait", "--timeout", HELM_TIMEOUT];
        kubectl::run("helm", &arguments).await.unwrap_or_else(|error| panic!("could not roll back: {error}"));
    }

    /// Replaces its pods, and waits for the new ones.
    pub async fn restart(&self) {
        let restarted = self.api::<Deployment>().restart(NAME).await;
        restarted.unwrap_or_else(|error| panic!("could not restart the operator: {}", chain(error)));
        wait_rollout(&self.api::<Deployment>(), NAME, deadline::SERVER).await;
    }

    /// Sets the number of its pods, and waits until there are as many.
    pub async fn scale(&self, replicas: i32) {
        let api = self.api::<Deployment>();
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        let patched = api.patch(NAME, &PatchParams::default(), &patch).await;
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

    /// Its namespace.
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

    /// The names of its pods.
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
        let applied =
            api.patch(NAMESPACE, &PatchParams::apply("cluster-cases").force(), &Patch::Apply(object)).await;
        applied.unwrap_or_else(|error| panic!("could not create {NAMESPACE}: {}", chain(error)));
    }
}
