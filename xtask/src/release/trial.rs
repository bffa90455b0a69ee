//! A release into a registry of its own on this machine, in memory, examined as somebody who installs it would see it.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::settings::{Purpose, Settings};
use super::{Release, perform};
use crate::program::{Program, Running};
use crate::repository::Repository;

const PORT: u16 = 15099;
const START: Duration = Duration::from_secs(10);
const REGISTRY: &str = "github.com/google/go-containerregistry/cmd/registry";
/// Fewer components than this are not a whole program.
const FEWEST_COMPONENTS: usize = 100;

pub(crate) fn run(repository: &Repository) -> Result<String> {
    let registry = start_registry(repository)?;
    let settings = Settings::new(&format!("127.0.0.1:{PORT}/ping"), Purpose::Trial)?;
    let release = perform(repository, &settings)?;
    let trial = Trial { repository, release, registry: settings.registry.path() };
    trial.checksums_are_right()?;
    let artifacts = trial.artifacts_are_in_the_registry()?;
    trial.images_are_named_by_digest()?;
    trial.programs_have_sboms()?;
    trial.the_plugin_is_packed()?;
    drop(registry);
    Ok(format!("test-release: {artifacts} artifacts, named by their digests in both charts and install.yaml"))
}

fn start_registry(repository: &Repository) -> Result<Running> {
    let program = crate::charts::compile(repository, REGISTRY)?;
    let registry = Program::new(program).arguments(["-port", &PORT.to_string()]).start()?;
    let end = Instant::now() + START;
    while TcpStream::connect(("127.0.0.1", PORT)).is_err() {
        if Instant::now() > end {
            bail!("the registry does not listen on port {PORT}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(registry)
}

struct Trial<'a> {
    repository: &'a Repository,
    release: Release,
    registry: &'a str,
}

impl Trial<'_> {
    fn folder(&self) -> &Path {
        &self.release.folder
    }

    fn read(&self, name: &str) -> Result<String> {
        std::fs::read_to_string(self.folder().join(name)).with_context(|| format!("{name} is missing"))
    }

    fn checksums_are_right(&self) -> Result<()> {
        Program::new("sha256sum")
            .arguments(["--check", "--quiet", "SHA256SUMS"])
            .inside(self.folder())
            .quietly()
    }

    fn artifacts_are_in_the_registry(&self) -> Result<usize> {
        let artifacts = self.read("images.txt")? + &self.read("charts.txt")?;
        let list = crate::images::read(self.repository, crate::images::LISTS[0])?;
        let wanted = list.iter().filter(|image| image.is_program()).count() + 2;
        if artifacts.lines().count() != wanted {
            bail!("{wanted} images and charts were to be pushed, not these:\n{artifacts}");
        }
        let accept = "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
        for artifact in artifacts.lines() {
            let (name, digest) = artifact.split_once('@').context("an artifact without a digest")?;
            let path = name.split_once('/').context("an artifact without a path")?.1;
            let url = format!("http://127.0.0.1:{PORT}/v2/{path}/manifests/{digest}");
            let manifest = Program::new("curl").arguments(["-fsS", "-H", accept, &url]).output()?;
            let manifest: Value = serde_json::from_str(&manifest)?;
            if manifest["layers"].as_array().is_none_or(Vec::is_empty) {
                bail!("{artifact} is not in the registry");
            }
        }
        Ok(artifacts.lines().count())
    }

    fn images_are_named_by_digest(&self) -> Result<()> {
        let operator = format!("{}/operator:{}@sha256:", self.registry, self.release.version);
        let install = self.read("install.yaml")?;
        for (what, text) in [
            ("install.yaml", install),
            ("the operator's chart", self.render("ping-operator", &[])?),
            ("the stack's chart", self.render("pingstack", &["--set", "mailpit.enabled=true"])?),
        ] {
            if text.contains("localhost/") {
                bail!("{what} names images that only a build has");
            }
            if what != "the stack's chart" && !text.contains(&format!("image: \"{operator}")) {
                bail!("{what} does not name the operator's image by its digest");
            }
            let by_tag = text.lines().find(|line| line.contains(self.registry) && !line.contains("@sha256:"));
            if let Some(line) = by_tag {
                bail!("{what} names an image of the release without a digest: {}", line.trim());
            }
        }
        Ok(())
    }

    /// As the registry has it.
    fn render(&self, chart: &str, arguments: &[&str]) -> Result<String> {
        Program::new(crate::charts::helm(self.repository)?)
            .arguments(["template", "demo", &format!("oci://{}/charts/{chart}", self.registry)])
            .arguments(["--plain-http", "--version", &self.release.version])
            .arguments(arguments)
            .output()
    }

    /// The archive that krew's manifest names, with its checksum, and the program inside it runs.
    fn the_plugin_is_packed(&self) -> Result<()> {
        let manifest: Value = serde_yaml::from_str(&self.read(super::plugin::MANIFEST)?)?;
        let platform = &manifest["spec"]["platforms"][0];
        let archive = platform["uri"].as_str().and_then(|uri| uri.rsplit('/').next()).unwrap_or_default();
        let sums = self.read("SHA256SUMS")?;
        let line = format!("{}  {archive}", platform["sha256"].as_str().unwrap_or_default());
        if !sums.lines().any(|one| one == line) {
            bail!("the manifest of the plugin names another archive than the release has: {line}");
        }
        let folder = self.repository.build_folder("release/plugin")?;
        Program::new("tar")
            .argument("-xzf")
            .argument(self.folder().join(archive))
            .inside(&folder)
            .quietly()?;
        let version = Program::new(folder.join("kubectl-ping")).argument("--version").output()?;
        if !version.contains(&self.release.version) {
            bail!("the plugin says that it is {version}");
        }
        Ok(())
    }

    fn programs_have_sboms(&self) -> Result<()> {
        for image in crate::images::read(self.repository, crate::images::LISTS[0])? {
            if !image.is_program() {
                continue;
            }
            let name = format!("{}.cdx.json", image.source);
            let text = self.read(&name)?;
            let sbom: Value = serde_json::from_str(&text)?;
            let components = sbom["components"].as_array().map_or(0, Vec::len);
            if sbom["bomFormat"] != "CycloneDX" || components < FEWEST_COMPONENTS {
                bail!("{name} is not the SBOM of a whole program: {components} components");
            }
            if text.contains(&self.repository.root().display().to_string()) {
                bail!("{name} names a folder of this machine");
            }
        }
        Ok(())
    }
}
