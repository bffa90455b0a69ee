//! What each program is made of, as `CycloneDX` documents.

use std::path::Path;

use anyhow::{Context, Result};

use super::write as write_file;
use crate::images::Image;
use crate::program::Program;
use crate::repository::Repository;

/// One document for each program, made from a copy of the sources: the tool writes beside each Cargo.toml.
pub(super) fn write(repository: &Repository, list: &[Image], folder: &Path) -> Result<()> {
    let tool = Program::new(repository.path("dev/tool")).argument("cargo-cyclonedx").output()?;
    let sources = folder.join(".sources");
    std::fs::create_dir_all(&sources)?;
    copy_sources(repository, &sources)?;
    Program::new(tool.trim())
        .arguments(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--describe", "binaries"])
        .arguments(["--no-build-deps", "--quiet", "--target", &host()?, "--manifest-path"])
        .argument(sources.join("Cargo.toml"))
        .quietly()?;
    let copies = Repository::at(&sources);
    for program in list.iter().filter(|image| image.is_program()).map(|image| &image.source) {
        let found = copies.files_below(".", &format!("/{program}_bin.cdx.json"))?;
        let path = found.first().with_context(|| format!("no SBOM of {program} was written"))?;
        // No path of the building machine is published.
        let text = copies.read(path)?.replace(&format!("file://{}", sources.display()), "file:///source");
        write_file(&folder.join(format!("{program}.cdx.json")), &text)?;
    }
    std::fs::remove_dir_all(&sources)?;
    Ok(())
}

fn copy_sources(repository: &Repository, to: &Path) -> Result<()> {
    let listed = Program::new("git")
        .arguments(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .inside(repository.root())
        .output()?;
    Program::new("cp")
        .arguments(["--parents", "--no-dereference", "--target-directory"])
        .argument(to)
        .arguments(listed.split('\0').filter(|path| !path.is_empty() && repository.has(path)))
        .inside(repository.root())
        .quietly()
}

fn host() -> Result<String> {
    let printed = Program::new("rustc").argument("-vV").output()?;
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}
