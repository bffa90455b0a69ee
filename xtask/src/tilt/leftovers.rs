//! What `tilt down` leaves: the CRD, and in each node one image for each build.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::kubernetes::Kubernetes;
use crate::program::Program;
use crate::repository::Repository;

const CRD: &str = "pingstacks.pingstack.dev";

/// The CRD is Tilt's own where no Helm release has it: left behind, it would keep Helm from installing the chart.
pub(super) fn remove_crd(kubernetes: &Kubernetes<'_>) -> Result<()> {
    let label = r"jsonpath={.metadata.labels.app\.kubernetes\.io/managed-by}";
    let Ok(owner) = kubernetes.kubectl(["get", "crd", CRD, "--output", label]).all_output() else {
        return Ok(());
    };
    let stacks = ["get", "pingstacks", "--all-namespaces", "--output", "name"];
    if owner == "Helm" || !kubernetes.kubectl(stacks).output()?.trim().is_empty() {
        return Ok(());
    }
    kubernetes.kubectl(["delete", "crd", CRD, "--timeout", "60s"]).quietly()
}

pub(super) fn remove_images(repository: &Repository) -> Result<()> {
    for socket in sockets(repository)? {
        let ctr = || {
            Program::new(repository.path(".build/k8s/bin/ctr"))
                .argument("--address")
                .argument(&socket)
                .arguments(["--namespace", "k8s.io", "images"])
        };
        let listed = ctr().arguments(["ls", "--quiet"]).output()?;
        let built: Vec<&str> = listed.lines().filter(|name| is_built_by_tilt(name)).collect();
        if !built.is_empty() {
            ctr().argument("rm").arguments(built).quietly()?;
        }
    }
    Ok(())
}

/// The sockets of containerd, one for each node that runs.
fn sockets(repository: &Repository) -> Result<Vec<PathBuf>> {
    let folders = fs::read_dir(repository.path(".build/k8s")).context("the cluster has no folder")?;
    let nodes = folders.flatten().filter(|folder| folder.file_name().to_string_lossy().starts_with("node"));
    let sockets = nodes.map(|node| node.path().join("run/containerd.sock"));
    Ok(sockets.filter(|socket| socket.exists()).collect())
}

fn is_built_by_tilt(image: &str) -> bool {
    image.starts_with("localhost/ping/") && image.contains(":tilt-build-")
}

#[cfg(test)]
mod tests {
    use super::{is_built_by_tilt, sockets};
    use crate::repository::planted;

    #[test]
    fn only_images_of_ours_that_tilt_built_are_removed() {
        assert!(is_built_by_tilt("localhost/ping/operator:tilt-build-1732890000"));
        for other in ["localhost/ping/operator:dev", "docker.io/library/redis:tilt-build-1", "sha256:12ab"] {
            assert!(!is_built_by_tilt(other), "{other}");
        }
    }

    #[test]
    fn nodes_that_run_have_a_socket() {
        let (_folder, repository) = planted::repository(&[
            (".build/k8s/node/run/containerd.sock", ""),
            (".build/k8s/node-2/log/containerd.log", ""),
            (".build/k8s/node-images/pause.tar", ""),
            (".build/k8s/bin/ctr", ""),
        ]);
        assert_eq!(sockets(&repository).unwrap(), [repository.path(".build/k8s/node/run/containerd.sock")]);
    }
}
