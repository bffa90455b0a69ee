//! Helm, helm-unittest and kubeconform: this machine's where they fit, else compiled from their Go modules.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::program::Program;
use crate::repository::Repository;

/// A Go module that lists programs and has no code of its own.
const MODULE: &str = "dev/chart-tools";

/// Compiles a program of the module, and returns its path.
pub(super) fn compile(repository: &Repository, package: &str) -> Result<PathBuf> {
    let folder = repository.build_folder("charts/bin")?;
    let name = package.rsplit('/').next().unwrap_or(package);
    Program::new("go")
        .arguments(["build", "-C", MODULE, "-trimpath", "-ldflags", "-s -w", "-o"])
        .argument(&folder)
        .argument(package)
        .variable("CGO_ENABLED", "0")
        .inside(repository.root())
        .output()
        .with_context(|| format!("{name} is compiled with Go 1.26 or later (https://go.dev/doc/install)"))?;
    Ok(folder.join(name))
}

pub(super) struct Tools {
    root: PathBuf,
    pub(super) helm: PathBuf,
    helm_unittest: PathBuf,
    pub(super) kubeconform: PathBuf,
}

impl Tools {
    pub(super) fn new(repository: &Repository) -> Result<Self> {
        let helm = Self::helm(repository)?;
        Program::new(repository.path("k8s/local/binaries")).argument("kubeconform").output()?;
        Ok(Self {
            root: repository.root().to_owned(),
            helm,
            helm_unittest: compile(repository, "github.com/helm-unittest/helm-unittest/cmd/helm-unittest")?,
            kubeconform: repository.path(".build/k8s/bin/kubeconform"),
        })
    }

    pub(super) fn helm(repository: &Repository) -> Result<PathBuf> {
        let printed =
            Program::bash(&repository.path("k8s/choose_cluster.bash"), "client_program helm").output()?;
        Ok(PathBuf::from(printed.trim_end()))
    }

    pub(super) fn unit_tests(&self) -> Result<()> {
        Program::new(&self.helm_unittest)
            .arguments(["--strict", "charts/ping-operator", "charts/pingstack"])
            .inside(&self.root)
            .quietly()
    }

    pub(super) fn kubeconform(&self, schemas: &[&Path], files: &[PathBuf]) -> Result<()> {
        let mut program =
            Program::new(&self.kubeconform).arguments(["-strict", "-skip", "ServiceMonitor,PrometheusRule"]);
        for folder in schemas {
            program = program
                .argument("-schema-location")
                .argument(folder.join("{{.ResourceKind}}{{.KindSuffix}}.json"));
        }
        program.arguments(files).inside(&self.root).quietly()
    }
}
