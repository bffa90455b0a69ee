//! Every supported Kubernetes takes the rendered objects. Those of the Prometheus operator have no schema here.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::tools::Tools;
use super::{kubernetes_schemas, rendering, spec, values_schema};
use crate::repository::Repository;

/// The oldest that is supported, and the newest that was tried.
pub(super) const VERSIONS: [&str; 2] = ["v1.33.13", "v1.37.2"];

pub(super) fn check(repository: &Repository, tools: &Tools, rendered: &[PathBuf]) -> Result<()> {
    let own = repository.build_folder("charts/schemas")?;
    let pingstack = values_schema::pingstack(&spec::read(repository)?);
    fs::write(own.join("pingstack-pingstack-v1beta1.json"), pingstack.to_string())?;
    let mut files = vec![repository.path("k8s/install.yaml")];
    files.extend(rendering::samples(repository)?.iter().map(|sample| repository.path(sample)));
    files.extend_from_slice(rendered);
    for version in VERSIONS {
        let schemas = kubernetes_schemas::folder(repository, version)?;
        tools
            .kubeconform(&[&schemas, &own], &files)
            .with_context(|| format!("Kubernetes {version} would not take these objects"))?;
    }
    Ok(())
}
