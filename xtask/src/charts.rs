//! The charts: what in them is generated from something else, and whether Helm and Kubernetes take them.

mod comments;
mod conformity;
mod generated;
mod install;
mod kubernetes_schemas;
mod olm;
mod readme;
mod rendering;
mod rights;
mod spec;
mod tools;
mod values;
mod values_schema;

use std::path::PathBuf;

use anyhow::Result;

use self::tools::Tools;
use crate::repository::Repository;

pub(crate) fn check(repository: &Repository) -> Result<String> {
    generated::check(repository)?;
    rights::check(repository)?;
    let tools = Tools::new(repository)?;
    install::check(repository, &tools)?;
    olm::check(repository, &tools)?;
    tools.unit_tests()?;
    let rendered = rendering::render_all(repository, &tools)?;
    conformity::check(repository, &tools, &rendered)?;
    Ok(format!(
        "generated files are current, tests pass, and {} renderings, install.yaml and the samples conform to {}",
        rendered.len(),
        conformity::VERSIONS.join(" ")
    ))
}

/// Writes what is out of date.
pub(crate) fn write(repository: &Repository) -> Result<String> {
    let mut written = generated::write(repository)?;
    let tools = Tools::new(repository)?;
    written.extend(install::write(repository, &tools)?);
    written.extend(olm::write(repository, &tools)?);
    if written.is_empty() {
        return Ok("all generated files are current".to_owned());
    }
    Ok(format!("written: {}", written.join(", ")))
}

pub(crate) fn render_install(repository: &Repository, arguments: &[String]) -> Result<String> {
    install::render(repository, &Tools::helm(repository)?, arguments)
}

/// The path of Helm.
pub(crate) fn helm(repository: &Repository) -> Result<PathBuf> {
    Tools::helm(repository)
}

/// Compiles a program of the Go module of tools, and returns its path.
pub(crate) fn compile(repository: &Repository, package: &str) -> Result<PathBuf> {
    tools::compile(repository, package)
}

const WRITE_THEM: &str = "run 'cargo xtask write-charts', and commit what it changes";
