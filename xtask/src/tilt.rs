//! Ping on the cluster in use by Tilt: `make tilt`, `make tilt-down`, `make tilt-ci`, and how the Tiltfile makes an image for
//! the node of `k8s/local`.

mod image;
mod leftovers;
mod program;

use anyhow::{Result, bail};

use crate::kubernetes::Kubernetes;
use crate::program::Program;
use crate::repository::Repository;

const NAMESPACE: &str = "ping-tilt";
const CI_NAMESPACE: &str = "ping-tilt-ci";
/// The ports of this machine that lead to a run of CI. Without these the Tiltfile has its own.
const CI_PORTS: [(&str, &str); 2] = [("USER_SERVICE_PORT", "15000"), ("MAILPIT_PORT", "18025")];
const CI_TIMEOUT: &str = "15m";

pub(crate) fn run(repository: &Repository, arguments: &[String]) -> Result<String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["up", more @ ..] => Tilt::new(repository, NAMESPACE)?.up(more),
        ["down"] => Tilt::new(repository, NAMESPACE)?.remove(),
        ["ci"] => Tilt::new(repository, CI_NAMESPACE)?.ci(),
        ["image", program] => image::load(repository, program),
        _ => bail!("usage: cargo xtask tilt up [ARGUMENT…], down, ci or image PROGRAM"),
    }
}

struct Tilt<'a> {
    kubernetes: Kubernetes<'a>,
    kubeconfig: Option<String>,
    namespace: &'static str,
}

impl<'a> Tilt<'a> {
    fn new(repository: &'a Repository, namespace: &'static str) -> Result<Self> {
        let kubernetes = Kubernetes::in_use(repository)?;
        if !["local", "kind"].contains(&kubernetes.way.as_str()) {
            bail!("Tilt makes images for the clusters of 'make cluster' only: leave CLUSTER out");
        }
        Ok(Self { kubeconfig: kubernetes.kubeconfig()?, kubernetes, namespace })
    }

    /// Is built if it is not there, which takes minutes: whatever may be in the way is found out before.
    fn program(&self) -> Result<Program> {
        let mut program = Program::new(program::find(self.kubernetes.repository)?)
            .variable("TILT_DISABLE_ANALYTICS", "1")
            .variable("DO_NOT_TRACK", "1")
            .variable("TILT_NAMESPACE", self.namespace)
            .inside(self.kubernetes.repository.root());
        if let Some(kubeconfig) = &self.kubeconfig {
            program = program.variable("KUBECONFIG", kubeconfig);
        }
        if self.namespace == CI_NAMESPACE {
            program = CI_PORTS.iter().fold(program, |program, (name, port)| program.variable(name, port));
        }
        Ok(program)
    }

    /// Rebuilds what is edited; Ctrl-C ends Tilt and leaves the cluster as it is.
    fn up(&self, arguments: &[&str]) -> Result<String> {
        self.prepare_cluster()?;
        Err(self.program()?.argument("up").arguments(arguments).replace_this_process())
    }

    /// Everything once, ended by a login, then removed.
    fn ci(&self) -> Result<String> {
        self.prepare_cluster()?;
        let passed = self.program()?.arguments(["ci", "--port", "0", "--timeout", CI_TIMEOUT]).shown();
        let removed = self.remove();
        passed.and(removed)
    }

    fn prepare_cluster(&self) -> Result<()> {
        self.kubernetes.cluster("up")?;
        self.kubernetes.refuse_operators_outside(self.namespace)
    }

    /// The stack goes first, while there is an operator that completes its deletion.
    fn remove(&self) -> Result<String> {
        let in_namespace = ["--namespace", self.namespace];
        let delete = ["delete", "pingstack", "--all", "--ignore-not-found", "--timeout", "120s"];
        // Fails without the CRD.
        let _ = self.kubernetes.kubectl(in_namespace).arguments(delete).quietly();
        self.program()?.arguments(["down", "--delete-namespaces"]).shown()?;
        let wait = ["wait", "namespace", self.namespace, "--for", "delete", "--timeout", "180s"];
        // What counts is whether the namespace is there.
        let _ = self.kubernetes.kubectl(wait).quietly();
        if self.kubernetes.kubectl(["get", "namespace", self.namespace]).quietly().is_ok() {
            bail!("namespace {0} is still there: see k8s/kubectl describe namespace {0}", self.namespace);
        }
        leftovers::remove_crd(&self.kubernetes)?;
        if self.kubernetes.way == "local" {
            leftovers::remove_images(self.kubernetes.repository)?;
        }
        Ok(String::new())
    }
}
