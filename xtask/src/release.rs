//! A release: images and charts in a registry, with the kubectl plugin, `install.yaml`, SBOMs, checksums and signatures.
//!
//! What is released is the commit. Everything that can be refused is refused before anything is pushed.

mod charts;
mod plugin;
mod preconditions;
mod references;
mod sboms;
mod settings;
mod signatures;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub(crate) use trial::run as test;

use crate::images::{Engine, Image};
use crate::program::Program;
use crate::repository::Repository;
use references::References;
use settings::{Purpose, Settings};
use signatures::Signer;

pub(crate) fn run(repository: &Repository) -> Result<String> {
    let settings = Settings::from_environment()?;
    let release = perform(repository, &settings)?;
    Ok(format!(
        "release: {} is at {}, its files are in {}",
        release.version,
        settings.registry.path(),
        release.folder.display()
    ))
}

/// A release that was pushed.
pub(crate) struct Release {
    pub(crate) version: String,
    /// Its files.
    pub(crate) folder: PathBuf,
}

fn perform(repository: &Repository, settings: &Settings) -> Result<Release> {
    let version = preconditions::check(repository, settings)?;
    let signer = Signer::find("cosign", settings.purpose)?;
    if settings.purpose == Purpose::Release {
        println!("release: {}", crate::advisories::require(repository)?);
    }
    let folder = empty_folder(repository, &version)?;
    let engine = Engine::find(repository)?;
    let tools = charts::Tools::new(repository, settings)?;
    settings.log_in(&engine, &tools)?;

    let list = crate::images::read(repository, crate::images::LISTS[0])?;
    crate::images::programs(repository, &list)?;
    let pushed = push_programs(&engine, settings, &list, &version)?;
    let upstream = tools.upstream(&list, settings.purpose)?;
    let references = References::new(settings.registry.path(), &version, &pushed, &upstream);
    let pushed_charts = tools.release(&references, &version, &folder)?;
    let install = references.in_text(&repository.read("k8s/install.yaml")?);
    write(&folder.join("install.yaml"), &install)?;
    write(&folder.join("images.txt"), &lines(&pushed))?;
    write(&folder.join("charts.txt"), &lines(&pushed_charts))?;
    sboms::write(repository, &list, &folder)?;
    plugin::write_into(repository, &version, &folder)?;

    let artifacts = [pushed, pushed_charts].concat();
    checksums(&folder, &artifacts)?;
    signer.sign(&artifacts, &folder)?;
    Ok(Release { version, folder })
}

fn push_programs(
    engine: &Engine,
    settings: &Settings,
    list: &[Image],
    version: &str,
) -> Result<Vec<Artifact>> {
    let pushed = list.iter().filter(|image| image.is_program()).map(|image| {
        let to = format!("{}/{}", settings.registry.path(), image.name);
        println!("release: pushing {to}:{version}");
        let digest = engine.push(image, &format!("{to}:{version}"), settings.registry.is_local())?;
        Ok(Artifact { name: image.name.clone(), repository: to, digest })
    });
    pushed.collect()
}

/// Something in the registry, by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// The name in the list of images, or of the chart.
    name: String,
    /// Host and path, without tag and digest.
    repository: String,
    /// `sha256:` and 64 hexadecimal digits.
    digest: String,
}

impl Artifact {
    fn by_digest(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }
}

fn lines(artifacts: &[Artifact]) -> String {
    artifacts.iter().map(|artifact| artifact.by_digest() + "\n").collect()
}

fn empty_folder(repository: &Repository, version: &str) -> Result<PathBuf> {
    let folder = repository.build_folder(&format!("release/{version}"))?;
    fs::remove_dir_all(&folder)?;
    repository.build_folder(&format!("release/{version}"))
}

/// `SHA256SUMS` of the files, and beside the folder `subjects.sha256`, which has the images and charts too: what the
/// workflow attests the provenance of.
fn checksums(folder: &Path, artifacts: &[Artifact]) -> Result<()> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let sums = Program::new("sha256sum").argument("--").arguments(&names).inside(folder).output()?;
    write(&folder.join("SHA256SUMS"), &sums)?;
    let subjects = artifacts.iter().map(|artifact| {
        let digest = artifact.digest.trim_start_matches("sha256:");
        format!("{digest}  {}\n", artifact.repository)
    });
    let subjects: String = subjects.collect();
    write(&folder.with_file_name("subjects.sha256"), &(sums + &subjects))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Artifact, checksums};

    #[test]
    fn subjects_are_the_files_the_images_and_the_charts() {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("1.2.3");
        std::fs::create_dir(&release).unwrap();
        std::fs::write(release.join("install.yaml"), "a").unwrap();
        let image = Artifact {
            name: "operator".to_owned(),
            repository: "registry.example.org/you/operator".to_owned(),
            digest: format!("sha256:{}", "0".repeat(64)),
        };
        checksums(&release, &[image]).unwrap();
        let sums = std::fs::read_to_string(release.join("SHA256SUMS")).unwrap();
        assert!(sums.ends_with("  install.yaml\n") && sums.lines().count() == 1, "{sums}");
        let subjects = std::fs::read_to_string(folder.path().join("subjects.sha256")).unwrap();
        assert_eq!(subjects, format!("{sums}{}  registry.example.org/you/operator\n", "0".repeat(64)));
    }
}
