//! The cluster in use, and what a case does to its objects, pods and nodes.

pub(crate) mod description;
pub(crate) mod events;
mod forward;
pub(crate) mod images;
pub(crate) mod kubectl;
pub mod metrics_api;
pub(crate) mod namespace;
pub mod node;
pub(crate) mod objects;
pub(crate) mod operator;
pub mod pods;

pub use forward::Forward;
pub use namespace::PodSecurity;
pub use operator::Operator;

use std::path::{Path, PathBuf};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::settings;

/// How `k8s/cluster` found the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The node of `k8s/local` on this machine: its processes and network can be broken.
    Local,
    /// kind in Docker.
    Kind,
    /// The caller's own context.
    Current,
}

impl Way {
    /// The way of this name, or the name that is none.
    pub fn parse(name: &str) -> Result<Self, String> {
        match name {
            "local" => Ok(Self::Local),
            "kind" => Ok(Self::Kind),
            "current" => Ok(Self::Current),
            other => Err(other.to_owned()),
        }
    }
}

/// A connection to the cluster. Each case has its own: a client lives in the runtime of its test.
#[derive(Clone)]
pub struct Cluster {
    /// The API server, as administrator.
    pub client: Client,
    /// The same, without the retries with which `client` hides answers such as 503.
    pub once: Client,
    /// How it was found.
    pub way: Way,
    /// The repository, where charts and samples are.
    pub repository: PathBuf,
}

impl Cluster {
    /// Compiles a Go program of the repository, runs it with this standard input, and returns what it printed.
    pub async fn run_go(&self, folder: &str, arguments: &[&str], input: &str) -> Result<String, String> {
        let program = self.repository.join(".build/cluster-cases").join(folder.replace('/', "-"));
        let source = self.repository.join(folder).display().to_string();
        let build = ["build", "-C", &source, "-o", &program.display().to_string(), "."];
        kubectl::run_path(Path::new("go"), &build).await?;
        kubectl::run_with_input(&program, arguments, input.as_bytes()).await
    }

    /// Connects with KUBECONFIG, or the current context.
    pub async fn connect() -> Self {
        // An error only says that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kubeconfig = Kubeconfig::read().unwrap_or_else(|error| panic!("no kubeconfig: {error}"));
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let config = config.unwrap_or_else(|error| panic!("the kubeconfig leads nowhere: {error}"));
        let mut without_retry = config.clone();
        without_retry.default_retry = false;
        let [client, once] = [config, without_retry]
            .map(|config| Client::try_from(config).unwrap_or_else(|error| panic!("no client: {error}")));
        Self { client, once, way: settings::way(), repository: settings::repository() }
    }

    /// Whether this case can run here; says so where it cannot. For cases that break what only the local node lets them.
    #[must_use]
    pub fn is_local(&self) -> bool {
        if self.way != Way::Local {
            crate::case::tell("skipped: not the local cluster");
        }
        self.way == Way::Local
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_are_those_of_the_scripts() {
        assert_eq!(Way::parse("local"), Ok(Way::Local));
        assert_eq!(Way::parse("none"), Err("none".to_owned()));
    }
}
