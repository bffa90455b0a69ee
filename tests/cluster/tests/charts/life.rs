//! What the steps have in common, and what is left of them.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use cluster::{CRD, Case, wait::chain};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::others::Stopped;

/// A stack that a busy machine runs.
const SMALL: [&str; 6] = [
    "mailpit.enabled=true",
    "redis.managed.resources.requests.cpu=5m",
    "rabbitmq.managed.resources.requests.cpu=20m",
    "userService.resources.requests.cpu=5m",
    "mailService.resources.requests.cpu=5m",
    "userService.replicas=1",
];

pub(crate) struct Life<'a> {
    pub(crate) case: &'a Case,
    /// The operator's namespace; the stack is in the case's own.
    pub(crate) operator: String,
    /// The charts of the previous release.
    pub(crate) previous: PathBuf,
    crd_before: Option<CustomResourceDefinition>,
}

impl<'a> Life<'a> {
    pub(crate) async fn new(case: &'a Case, operator: String) -> Self {
        let crd_before =
            case.cluster.crds().get_opt(CRD).await.unwrap_or_else(|error| panic!("{}", chain(error)));
        Self { case, operator, previous: unpack_previous(case).await, crd_before }
    }

    /// The charts of this repository.
    pub(crate) fn charts(&self) -> PathBuf {
        self.case.cluster.repository.join("charts")
    }

    /// Runs a step and says how long it took.
    pub(crate) async fn step(&self, name: &str, step: impl Future<Output = ()>) {
        let began = Instant::now();
        self.case.step(&format!("{name} begins"));
        step.await;
        self.case.step(&format!("ok {name} ({} s)", began.elapsed().as_secs()));
    }

    /// Installs or upgrades the operator. The CRD may be another release's, and everybody's stacks need it.
    pub(crate) async fn operator_chart(&self, action: &str, charts: &Path) {
        let chart = charts.join("ping-operator").display().to_string();
        let mut arguments = vec![action, "ping-operator", &chart, "--namespace", &self.operator];
        arguments.extend(["--take-ownership", "--wait", "--timeout", "180s"]);
        // The API server takes no CRD without the version that it stores objects in.
        let crd = std::fs::read_to_string(charts.join("ping-operator/files/crd.yaml")).unwrap_or_default();
        let stores_newer = self.crd_before.as_ref().is_some_and(|crd| {
            let stored = crd.status.as_ref().and_then(|status| status.stored_versions.as_ref());
            stored.is_some_and(|versions| versions.iter().any(|version| version == "v1beta1"))
        });
        if stores_newer && !crd.contains("name: v1beta1") {
            arguments.extend(["--set", "crds.enabled=false"]);
        }
        self.case.helm(&arguments).await;
    }

    /// Installs or upgrades the stack; with `--wait` Helm waits for the condition Ready.
    pub(crate) async fn stack_chart(&self, action: &str, charts: &Path, settings: &[&str]) {
        let chart = charts.join("pingstack").display().to_string();
        let mut arguments = vec![action, "demo", &chart, "--namespace", &self.case.namespace];
        arguments.extend(["--wait", "--timeout", "300s"]);
        arguments.extend(SMALL.iter().chain(settings).flat_map(|setting| ["--set", setting]));
        self.case.helm(&arguments).await;
    }

    /// Upgrades the stack as `make up` does. Helm 3 always compares three versions, and Helm 4 does so if it is asked.
    pub(crate) async fn stack_chart_as_make_up(&self, settings: &[&str]) {
        let chart = self.charts().join("pingstack").display().to_string();
        let mut arguments = vec!["upgrade", "--install", "demo", &chart, "--namespace", &self.case.namespace];
        let version = self.case.helm(&["version", "--short"]).await;
        if !version.starts_with("v3.") {
            arguments.push("--server-side=false");
        }
        arguments.extend(SMALL.iter().chain(settings).flat_map(|setting| ["--set", setting]));
        self.case.helm(&arguments).await;
    }

    /// `helm test` does a whole sign-in, not only the part that needs no mail.
    pub(crate) async fn signs_in(&self) {
        let test = ["test", "demo", "--namespace", &self.case.namespace, "--logs", "--timeout", "300s"];
        let said = self.case.helm(&test).await;
        assert!(said.contains("ok: the code is verified; the token's claims: {"), "{said}");
    }

    /// The operator's chart without the CRD, with which all stacks would go.
    pub(crate) async fn without_crd(&self) -> Result<String, String> {
        let chart = self.charts().join("ping-operator").display().to_string();
        let mut arguments = vec!["template", "ping-operator", &chart, "--namespace", &self.operator];
        arguments.extend(["--skip-tests", "--set", "crds.enabled=false"]);
        self.case.try_helm(&arguments).await
    }

    /// `k8s/install.yaml` without the CRD.
    pub(crate) async fn install_without_crd(&self) -> Result<String, String> {
        self.case.try_program("cargo", &["xtask", "render-install", "--set", "crds.enabled=false"]).await
    }

    /// Leaves the cluster as it was found, as far as that is possible after a failure.
    pub(crate) async fn clean_up(&self, stopped: Stopped) {
        let delete = ["delete", "--ignore-not-found", "--wait=false", "--filename", "-"];
        for manifest in [self.without_crd().await, self.install_without_crd().await] {
            let deleted = match manifest {
                Ok(manifest) => self.case.try_kubectl_with_input(&delete, &manifest).await,
                Err(error) => Err(error),
            };
            self.report("an operator may be left", deleted.map(drop));
        }
        let restored = if let Some(before) = &self.crd_before {
            self.case.cluster.restore_crd(before).await
        } else {
            let delete = ["delete", "crd", CRD, "--ignore-not-found", "--wait=false"];
            self.case.try_kubectl(&delete).await.map(drop)
        };
        self.report("the CRD is not as it was", restored);
        stopped.start_again(self.case).await;
    }

    fn report(&self, what: &str, outcome: Result<(), String>) {
        if let Err(error) = outcome {
            self.case.step(&format!("{what}: {error}"));
        }
    }
}

/// The charts of the tag before this commit, before the first tag those of the commit before.
async fn unpack_previous(case: &Case) -> PathBuf {
    let folder = case.cluster.repository.join(".build/cluster-cases/previous");
    // Charts of an earlier run must not be mixed with these.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let repository = case.cluster.repository.display().to_string();
    let find = "git describe --tags --abbrev=0 HEAD~1 2>/dev/null || git rev-parse --verify --quiet --short HEAD~1 \
                || git rev-parse --short HEAD";
    let unpack = format!(
        "cd \"$1\" && previous=$({find}) && git archive \"$previous\" charts | tar -x -C \"$2\" && echo \"$previous\""
    );
    let into = folder.display().to_string();
    let previous = case.program("sh", &["-c", &unpack, "sh", &repository, &into]).await;
    case.step(&format!("the charts of {}, then those of the working tree", previous.trim()));
    folder.join("charts")
}
