//! How Tilt makes an image of ours for the node of `k8s/local`: compiled as `make dev` does it and not as a release, so that a
//! change takes seconds. The C library and what else the program is linked against come from this machine.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cargo;
use crate::environment::variable;
use crate::program::Program;
use crate::repository::Repository;

const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Builds the image of a program, and loads it into the nodes. Tilt has set `EXPECTED_REF` to its name.
pub(super) fn load(repository: &Repository, program: &str) -> Result<String> {
    let name = variable("EXPECTED_REF")
        .context("the name of the image is missing: EXPECTED_REF=localhost/ping/NAME:TAG, as Tilt sets it")?;
    repository.need("buildah", "buildah")?;
    repository.need("strip", "binutils")?;
    let compiled = cargo::debug_program(repository, program)?;
    eprintln!("tilt: {program} is compiled");
    let work = repository.build_folder(&format!("tilt/{program}"))?;
    let files = work.join("files");
    if files.exists() {
        fs::remove_dir_all(&files)?;
    }
    add_files(&compiled, &files)?;
    let dockerfile = work.join("Dockerfile");
    fs::write(&dockerfile, dockerfile_of(program))?;
    buildah(&work)
        .arguments(["build", "--quiet", "--layers=false", "--file"])
        .argument(&dockerfile)
        .arguments(["--tag", &name])
        .argument(&files)
        .quietly()?;
    let archive = work.join("archive");
    // An archive is not overwritten.
    let _ = fs::remove_file(&archive);
    let to = format!("docker-archive:{}:{name}", archive.display());
    buildah(&work).arguments(["push", "--quiet", &name, &to]).quietly()?;
    buildah(&work).arguments(["rmi", "--force", &name]).quietly()?;
    Program::new(repository.path("k8s/local/nodes")).argument("load").argument(&archive).output()?;
    Ok(format!("{name} is in the node"))
}

/// Nothing of buildah's is left outside this folder: the storage driver vfs needs no mounts.
fn buildah(work: &Path) -> Program {
    Program::new("buildah")
        .argument("--root")
        .argument(work.join("storage"))
        .argument("--runroot")
        .argument(work.join("run"))
        .arguments(["--storage-driver", "vfs"])
        .variable("BUILDAH_ISOLATION", "chroot")
}

/// The stripped program, the authorities that it trusts, and its libraries at their own paths.
fn add_files(compiled: &Path, files: &Path) -> Result<()> {
    let name = compiled.file_name().context("the program has no name")?;
    let program = files.join(name);
    Program::new("install").arguments(["-D", "--strip"]).arguments([compiled, &program]).quietly()?;
    let linked = Program::new("ldd").argument(compiled).output()?;
    for file in libraries(&linked).chain([AUTHORITIES]) {
        let to = files.join(file.trim_start_matches('/'));
        Program::new("install").argument("-D").arguments([Path::new(file), &to]).quietly()?;
    }
    Ok(())
}

/// The paths of the files in what `ldd` prints.
fn libraries(linked: &str) -> impl Iterator<Item = &str> {
    linked.split_whitespace().filter(|word| word.starts_with('/'))
}

fn dockerfile_of(program: &str) -> String {
    format!("FROM scratch\nCOPY . /\nUSER 65532:65532\nENTRYPOINT [\"/{program}\"]\n")
}

#[cfg(test)]
mod tests {
    use super::libraries;

    #[test]
    fn the_libraries_of_a_program_are_found() {
        let linked = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                      \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1c)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x00007f1d)\n";
        let found: Vec<&str> = libraries(linked).collect();
        assert_eq!(found, ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
    }
}
