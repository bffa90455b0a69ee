//! The cluster in use, and the operator in it.

pub(crate) mod crd;
mod forward;
pub(crate) mod images;
pub(crate) mod kubectl;
pub(crate) mod namespace;
pub(crate) mod objects;
mod older;
pub(crate) mod operator;

pub use forward::Forward;
pub use namespace::PodSecurity;
pub use objects::Kind;
pub use operator::Operator;

use std::{
    io::{Write as _, stderr},
    path::{Path, PathBuf},
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::settings::{self, Way};

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
            tell("skipped: not the local cluster");
        }
        self.way == Way::Local
    }
}

/// Prints past libtest, which keeps the output of tests to itself until they fail.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}
