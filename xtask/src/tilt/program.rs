//! Tilt itself: this machine's, else one that is compiled here from its Go module.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::program::Program;
use crate::repository::Repository;

const MODULE: &str = "github.com/tilt-dev/tilt";
/// What the program is compiled from, below the root of the repository.
const SOURCES: [&str; 2] = ["k8s/tilt/go.mod", "k8s/tilt/index.html"];

pub(super) fn find(repository: &Repository) -> Result<PathBuf> {
    let installed = Program::new("bash").arguments(["-c", "type -P tilt || true"]).output()?;
    if !installed.is_empty() {
        return Ok(PathBuf::from(installed.trim_end()));
    }
    Program::new("go").argument("version").quietly().context(
        "'tilt' is missing: install it (https://docs.tilt.dev/install.html), or Go 1.26 or later \
         (https://go.dev/doc/install) to build it from source",
    )?;
    let program = repository.build_folder("tilt")?.join("tilt");
    if !is_current(repository, &program) {
        compile(repository, &program)?;
    }
    Ok(program)
}

/// Whether it is there, and was compiled after its sources had been changed.
fn is_current(repository: &Repository, program: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let compiled = changed(program);
    compiled.is_some() && SOURCES.iter().all(|source| changed(&repository.path(source)) <= compiled)
}

/// Compiles a copy of the module, because its replace lines hold in the main module alone, and because a page is added:
/// upstream's pages are made by another build and are not in the module, and without any Tilt does not start.
fn compile(repository: &Repository, program: &Path) -> Result<()> {
    repository.need("g++", "g++")?;
    let go_mod = repository.read(SOURCES[0])?;
    let version = version(&go_mod)?;
    eprintln!("tilt: compiling Tilt {version}: 5 to 6 minutes of processor time");
    let module = Program::new("go")
        .arguments(["mod", "download", "-C", "k8s/tilt", "-json", &format!("{MODULE}@{version}")])
        .inside(repository.root())
        .output()?;
    let module: Value = serde_json::from_str(&module)?;
    let module = module["Dir"].as_str().context("Go names no folder of Tilt's module")?;
    let source = repository.path(".build/tilt/source");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    Program::new("cp").argument("-r").arguments([Path::new(module), &source]).quietly()?;
    // The files of Go's cache are read-only.
    Program::new("chmod").arguments(["-R", "u+w"]).argument(&source).quietly()?;
    fs::remove_dir_all(source.join("vendor"))?;
    fs::copy(repository.path(SOURCES[1]), source.join("pkg/assets/build/index.html"))?;
    let flags = format!("-s -w -X main.version={}", version.trim_start_matches('v'));
    Program::new("nice")
        .arguments(["go", "build", "-C"])
        .argument(&source)
        .arguments(["-trimpath", "-tags", "osusergo", "-ldflags", &flags, "-o"])
        .argument(program)
        .argument("./cmd/tilt")
        .variable("CGO_ENABLED", "1")
        .output()?;
    // Go leaves a program alone that it would write again as it is.
    Program::new("touch").argument(program).quietly()
}

/// The version that a `go.mod` requires.
fn version(go_mod: &str) -> Result<&str> {
    let lines = go_mod.lines().filter_map(|line| line.strip_prefix("require ")?.strip_prefix(MODULE));
    lines.map(str::trim).next().context("k8s/tilt/go.mod requires no Tilt")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{SOURCES, is_current, version};
    use crate::repository::{Repository, planted};

    #[test]
    fn the_version_is_the_one_of_go_mod() {
        assert_eq!(version("module a\n\nrequire github.com/tilt-dev/tilt v0.33.21\n").unwrap(), "v0.33.21");
        assert!(version("module a\n").is_err());
        let own = Repository::of_this_program().read(SOURCES[0]).unwrap();
        assert!(version(&own).unwrap().starts_with('v'));
    }

    #[test]
    fn a_program_older_than_its_sources_is_compiled_again() {
        let (_folder, repository) = planted::repository(&[(SOURCES[0], ""), (SOURCES[1], ""), ("tilt", "")]);
        let program = repository.path("tilt");
        assert!(is_current(&repository, &program));
        let source = std::fs::File::options().append(true).open(repository.path(SOURCES[1])).unwrap();
        source.set_modified(SystemTime::now() + Duration::from_mins(1)).unwrap();
        assert!(!is_current(&repository, &program));
        assert!(!is_current(&repository, &repository.path("missing")));
    }
}
