//! The builder stages of the Dockerfiles have what cargo needs: every member of the workspace is in the context that
//! `.dockerignore` lets in.

use anyhow::{Context, Result};

use crate::program::Program;
use crate::repository::Repository;

pub(crate) fn check(repository: &Repository) -> Result<String> {
    let context = repository.build_folder("tmp/docker-context")?;
    std::fs::remove_dir_all(&context)?;
    let context = repository.build_folder("tmp/docker-context")?;
    Program::new("cp")
        .arguments(["--recursive", "--parents", "--target-directory"])
        .argument(&context)
        .arguments(let_in(&repository.read(".dockerignore")?))
        .inside(repository.root())
        .quietly()?;
    let outcome = Program::new("cargo")
        .arguments([
            "metadata",
            "--quiet",
            "--locked",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .argument(context.join("Cargo.toml"))
        .quietly();
    std::fs::remove_dir_all(&context)?;
    outcome.context(
        ".dockerignore keeps a member of the workspace out of the images' context: add a line with its folder there",
    )?;
    Ok("the Dockerfiles get all members of the workspace".to_owned())
}

/// What k8s/images/build compiled beforehand is for another stage than the builder.
fn let_in(dockerignore: &str) -> impl Iterator<Item = &str> {
    let lines = dockerignore.lines().filter_map(|line| line.strip_prefix('!'));
    lines.filter(|path| !path.starts_with(".build/"))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::planted;

    const MEMBER: &str = "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

    fn outcome(dockerignore: &str) -> Result<String, String> {
        let (_folder, repository) = planted::repository(&[
            (".dockerignore", dockerignore),
            ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"member\"]\n"),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"member\"\nversion = \"0.1.0\"\n"),
            ("member/Cargo.toml", MEMBER),
            ("member/src/lib.rs", ""),
        ]);
        check(&repository).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_member_that_is_kept_out_is_found() {
        outcome("*\n!Cargo.toml\n!Cargo.lock\n!member\n!.build/images/prebuilt\n").unwrap();
        let error = outcome("*\n!Cargo.toml\n!Cargo.lock\n").unwrap_err();
        assert!(error.contains("keeps a member of the workspace out"), "{error}");
    }
}
