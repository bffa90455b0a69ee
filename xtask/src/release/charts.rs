//! The charts, packaged with the images of the release as their defaults, and pushed as OCI artifacts.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::references::References;
use super::settings::{Purpose, Settings};
use super::{Artifact, write};
use crate::images::Image;
use crate::program::Program;
use crate::repository::Repository;

const CHARTS: [&str; 2] = ["ping-operator", "pingstack"];

/// An image that is not ours.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Its name before a release.
    pub(super) built: String,
    /// Its name in its own registry.
    pub(super) reference: String,
    /// Missing in a trial that cannot reach that registry.
    pub(super) digest: Option<String>,
}

/// Helm, and crane for the digests of others.
#[derive(Debug)]
pub(crate) struct Tools {
    charts: PathBuf,
    helm: PathBuf,
    crane: PathBuf,
    repository: String,
    is_plain: bool,
}

impl Tools {
    pub(super) fn new(repository: &Repository, settings: &Settings) -> Result<Self> {
        Ok(Self {
            charts: repository.path("charts"),
            helm: crate::charts::helm(repository)?,
            crane: crate::charts::compile(repository, "github.com/google/go-containerregistry/cmd/crane")?,
            repository: format!("{}/charts", settings.registry.path()),
            is_plain: settings.registry.is_local(),
        })
    }

    pub(super) fn helm_registry(&self) -> Program {
        Program::new(&self.helm).argument("registry")
    }

    /// The other images of the list, as their own registries know them now.
    pub(super) fn upstream(&self, list: &[Image], purpose: Purpose) -> Result<Vec<Upstream>> {
        let others = list.iter().filter(|image| !image.is_program());
        let found = others.map(|image| {
            let digest = Program::new(&self.crane).arguments(["digest", &image.source]).output();
            let digest = match (digest, purpose) {
                (Ok(digest), _) => Some(digest.trim().to_owned()),
                (Err(error), Purpose::Release) => {
                    return Err(error.context(format!("{} has no digest", image.source)));
                }
                (Err(_), Purpose::Trial) => {
                    println!(
                        "release: {} stays without a digest, its registry does not answer",
                        image.source
                    );
                    None
                }
            };
            Ok(Upstream { built: image.built(), reference: image.source.clone(), digest })
        });
        found.collect()
    }

    /// Packages and pushes both charts; the packages are left in the folder.
    pub(super) fn release(
        &self,
        references: &References,
        version: &str,
        folder: &Path,
    ) -> Result<Vec<Artifact>> {
        let copies = folder.join(".charts");
        Program::new("cp").argument("-r").argument(&self.charts).argument(&copies).quietly()?;
        let pushed: Result<Vec<Artifact>> = CHARTS
            .iter()
            .map(|name| {
                let copy = copies.join(name);
                with_references(&copy, references)?;
                Program::new(&self.helm)
                    .argument("package")
                    .argument(&copy)
                    .argument("--destination")
                    .argument(folder)
                    .quietly()?;
                self.push(name, &folder.join(format!("{name}-{version}.tgz")))
            })
            .collect();
        fs::remove_dir_all(&copies)?;
        pushed
    }

    fn push(&self, name: &str, package: &Path) -> Result<Artifact> {
        println!("release: pushing {}", package.display());
        let printed = Program::new(&self.helm)
            .argument("push")
            .arguments(self.is_plain.then_some("--plain-http"))
            .argument(package)
            .argument(format!("oci://{}", self.repository))
            .all_output()?;
        let digest = printed.lines().find_map(|line| line.strip_prefix("Digest:"));
        let digest = digest.context("Helm printed no digest of the chart")?.trim().to_owned();
        Ok(Artifact { name: name.to_owned(), repository: format!("{}/{name}", self.repository), digest })
    }
}

fn with_references(chart: &Path, references: &References) -> Result<()> {
    let read = |name: &str| fs::read_to_string(chart.join(name)).with_context(|| format!("no {name}"));
    let values = references.in_values(&read("values.yaml")?);
    // Only a build has such images.
    if values.contains("localhost/ping/") {
        bail!("{} names an image that is not in k8s/images/list", chart.join("values.yaml").display());
    }
    write(&chart.join("values.yaml"), &values)?;
    // Only the operator's chart has it.
    if let Ok(defaults) = read("files/defaults.yaml") {
        write(&chart.join("files/defaults.yaml"), &references.in_values(&defaults))?;
    }
    write(&chart.join("README.md"), &references.in_readme(&read("README.md")?))
}
