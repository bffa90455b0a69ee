//! The cluster that images are loaded into, and how.

use anyhow::{Context, Result, bail};

use super::Image;
use super::engine::{Engine, Kind};
use crate::environment::variable;
use crate::kubernetes::Kubernetes;
use crate::program::Program;
use crate::repository::Repository;

const KIND_CLUSTER: &str = "ping";

/// Where images go. `k8s/choose_cluster.bash` finds the cluster.
#[derive(Debug)]
pub(super) struct Destination {
    /// `current`, `kind`, `local` or `none`.
    pub(super) way: String,
    /// Where the images of the way `current` are pushed.
    registry: Option<String>,
    /// Changes when the cluster is recreated: all images have to be loaded again.
    identity: String,
}

impl Destination {
    /// Images are built, and loaded nowhere.
    pub(super) fn none() -> Self {
        Self { way: "none".to_owned(), registry: None, identity: String::new() }
    }

    pub(super) fn in_use(repository: &Repository) -> Result<Self> {
        let kubernetes = Kubernetes::in_use(repository)?;
        let way = kubernetes.way.clone();
        if way == "none" {
            return Ok(Self::none());
        }
        let registry = variable("REGISTRY").filter(|_| way == "current");
        if way == "current" && registry.is_none() {
            bail!("CLUSTER=current needs REGISTRY=registry.example.org/you: the images are pushed there");
        }
        let uid = ["get", "namespace", "kube-system", "--output", "jsonpath={.metadata.uid}"];
        let uid = kubernetes
            .kubectl(uid)
            .output()
            .context("the cluster does not answer: make it with k8s/cluster up")?;
        let identity = format!("{} {}", uid.trim(), registry.as_deref().unwrap_or_default());
        Ok(Self { way, registry, identity })
    }

    /// What the file beside an image says once that version of it is loaded.
    pub(super) fn mark(&self, version: &str) -> Option<String> {
        (self.way != "none").then(|| format!("{} {} {version}\n", self.way, self.identity))
    }

    pub(super) fn load(&self, repository: &Repository, engine: &Engine, image: &Image) -> Result<()> {
        match (self.way.as_str(), engine.kind(), &self.registry) {
            ("local", _, _) => Program::new(repository.path("k8s/local/nodes"))
                .argument("load")
                .argument(engine.save(image)?)
                .output()
                .map(drop),
            ("kind", Kind::Docker, _) => Program::new("kind")
                .arguments(["load", "docker-image", "--name", KIND_CLUSTER, &image.built()])
                .quietly(),
            ("current", _, Some(registry)) => {
                let to = format!("{registry}/{}:{}", image.name, image.version);
                engine.push(image, &to, false).map(drop)
            }
            _ => bail!("kind needs Docker, which does not answer: start it"),
        }
    }
}
