//! kubectl and Helm for a cluster, as `k8s/cluster` finds it.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::program::Program;
use crate::repository::Repository;

/// Where `make up` installs the operator.
pub(crate) const DEMO_OPERATOR_NAMESPACE: &str = "ping-system";

#[derive(Debug)]
pub(crate) struct Kubernetes<'a> {
    pub(crate) repository: &'a Repository,
    /// `current`, `kind`, `local` or, for images alone, `none`.
    pub(crate) way: String,
}

impl<'a> Kubernetes<'a> {
    /// The cluster in use.
    pub(crate) fn in_use(repository: &'a Repository) -> Result<Self> {
        let printed = ask(repository, "echo \"$WAY\"").output()?;
        Ok(Self { repository, way: printed.trim().to_owned() })
    }

    pub(crate) fn kubectl<'b>(&self, arguments: impl IntoIterator<Item = &'b str>) -> Program {
        self.script("k8s/kubectl").arguments(arguments)
    }

    pub(crate) fn helm<'b>(&self, arguments: impl IntoIterator<Item = &'b str>) -> Program {
        self.script("k8s/helm").arguments(arguments)
    }

    /// Installs or upgrades a release. What somebody has edited meanwhile stays where the chart has not changed: Helm compares
    /// three versions, as Helm 3 always does. By default Helm 4 fails because the fields have another owner.
    pub(crate) fn helm_upgrade<'b>(&self, arguments: impl IntoIterator<Item = &'b str>) -> Result<Program> {
        let version = self.helm(["version", "--short"]).output()?;
        Ok(self.helm(upgrade_by_comparing(&version).iter().copied()).arguments(arguments))
    }

    /// `k8s/cluster` with an action.
    pub(crate) fn cluster(&self, action: &str) -> Result<()> {
        self.script("k8s/cluster").argument(action).output().map(drop)
    }

    /// The configuration that leads to it, unless that is the default of kubectl.
    pub(crate) fn kubeconfig(&self) -> Result<Option<String>> {
        let printed = self.ask("echo \"${KUBECONFIG:-}\"")?;
        Ok(Some(printed).filter(|path| !path.is_empty()))
    }

    /// The program itself behind `k8s/kubectl` or `k8s/helm`.
    pub(crate) fn client(&self, name: &str) -> Result<PathBuf> {
        self.ask(&format!("client_program {name}")).map(PathBuf::from)
    }

    fn ask(&self, lines: &str) -> Result<String> {
        let printed = ask(self.repository, lines).variable("CLUSTER", &self.way).output()?;
        Ok(printed.trim_end().to_owned())
    }

    fn script(&self, path: &str) -> Program {
        Program::new(self.repository.path(path)).variable("CLUSTER", &self.way)
    }

    /// Creates a namespace, or makes it refuse what the Pod Security Standard `restricted` forbids.
    pub(crate) fn create_restricted(&self, namespace: &str) -> Result<()> {
        let object = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": namespace, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
        });
        self.kubectl(["apply", "--filename", "-"]).input(&object.to_string()).quietly()
    }

    /// An operator in another namespace would undo what the one in `own` does.
    pub(crate) fn refuse_operators_outside(&self, own: &str) -> Result<()> {
        let query = "jsonpath={range .items[?(@.spec.replicas>0)]}{.metadata.namespace}{\"\\n\"}{end}";
        let selector = "app.kubernetes.io/name=ping-operator";
        let get = ["get", "deployments", "--all-namespaces", "--selector", selector, "--output", query];
        let namespaces = self.kubectl(get).output()?;
        let other = namespaces.lines().find(|namespace| *namespace != own);
        if let Some(other) = other {
            let how = if other == DEMO_OPERATOR_NAMESPACE { " (KEEP_CLUSTER=1 make down does)" } else { "" };
            bail!(
                "another operator runs in namespace {other}: remove it first{how}, two undo each other's work"
            );
        }
        Ok(())
    }
}

fn upgrade_by_comparing(version: &str) -> &'static [&'static str] {
    const UPGRADE: [&str; 3] = ["upgrade", "--install", "--server-side=false"];
    // Helm 3 does not know the option.
    if version.starts_with("v3.") { &UPGRADE[..2] } else { &UPGRADE }
}

/// Lines of bash once `k8s/choose_cluster.bash` has chosen the cluster.
fn ask(repository: &Repository, lines: &str) -> Program {
    Program::bash(&repository.path("k8s/choose_cluster.bash"), &format!("choose_way; {lines}"))
}

#[cfg(test)]
mod tests {
    use super::{Kubernetes, upgrade_by_comparing};
    use crate::repository::Repository;

    #[test]
    fn an_upgrade_keeps_what_somebody_has_edited_with_each_version_of_helm() {
        let arguments = upgrade_by_comparing("v4.3.1+g0123456\n");
        assert_eq!(arguments, ["upgrade", "--install", "--server-side=false"]);
        assert_eq!(upgrade_by_comparing("v3.21.3+g0123456\n"), ["upgrade", "--install"]);
    }

    #[test]
    fn each_way_has_its_own_configuration_of_kubectl() {
        let repository = Repository::of_this_program();
        let configuration = |way: &str| {
            let kubernetes = Kubernetes { repository: &repository, way: way.to_owned() };
            kubernetes.kubeconfig().unwrap()
        };
        assert!(configuration("local").unwrap().ends_with(".build/k8s/node/kubernetes/admin.conf"));
        assert!(configuration("kind").unwrap().ends_with(".build/k8s/kind.kubeconfig"));
    }
}
