//! `make down`: undoes `make up`, with the cluster if `make up` made it.

use anyhow::Result;

use super::state::{Origin, State};
use super::{NAMESPACE, OPERATOR_NAMESPACE, STACK};
use crate::environment::variable;
use crate::repository::Repository;

pub(crate) fn run(repository: &Repository) -> Result<String> {
    let state = State::of(repository)?;
    let origin = state.origin()?;
    let kubernetes = state.cluster(repository)?;
    if origin == Origin::Made && variable("KEEP_CLUSTER").is_none() {
        kubernetes.cluster("down")?;
        state.forget();
        return Ok("down: the cluster is removed".to_owned());
    }
    for [release, namespace] in [[STACK, NAMESPACE], ["ping-operator", OPERATOR_NAMESPACE]] {
        kubernetes
            .helm(["uninstall", release, "--namespace", namespace])
            .arguments(["--ignore-not-found", "--wait", "--timeout", "120s"])
            .quietly()?;
    }
    let delete =
        ["delete", "namespace", NAMESPACE, OPERATOR_NAMESPACE, "--ignore-not-found", "--timeout", "180s"];
    kubernetes.kubectl(delete).quietly()?;
    // The CRD belongs to everybody's stacks. Without it there are none.
    let others =
        kubernetes.kubectl(["get", "pingstacks", "--all-namespaces", "--output", "name"]).all_output();
    if others.is_ok_and(|others| !others.contains("pingstack.pingstack.dev/")) {
        kubernetes.kubectl(["delete", "crd", "pingstacks.pingstack.dev", "--ignore-not-found"]).quietly()?;
    }
    state.forget();
    Ok("down: the PingStack and the operator are removed".to_owned())
}
