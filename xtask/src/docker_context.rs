//! The Dockerfile of our programs has what it needs: every member of the workspace is in the context that `.dockerignore`
//! lets in, and every program of the lists of images has its stage.

use anyhow::{Context, Result, bail};

use crate::images::{self, Image};
use crate::program::Program;
use crate::repository::Repository;

pub(crate) fn check(repository: &Repository) -> Result<String> {
    members_are_let_in(repository)?;
    programs_have_stages(repository)?;
    Ok("the Dockerfile gets all members of the workspace, and has a stage for each program".to_owned())
}

fn members_are_let_in(repository: &Repository) -> Result<()> {
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
    )
}

/// `PROGRAM` names a stage that has the entry point.
fn programs_have_stages(repository: &Repository) -> Result<()> {
    let dockerfile = repository.read("Dockerfile")?;
    for list in images::LISTS {
        for program in images::read(repository, list)?.into_iter().filter(Image::is_program) {
            let program = program.source;
            let stage = format!("FROM scratch AS image-{program}");
            let entry = format!("ENTRYPOINT [\"/{program}\"]");
            if ![&stage, &entry].iter().all(|wanted| dockerfile.lines().any(|line| line == **wanted)) {
                bail!(
                    "{list} has the program {program}: the Dockerfile needs the lines '{stage}' and '{entry}'"
                );
            }
        }
    }
    Ok(())
}

/// What `cargo xtask images` compiled beforehand is for another stage than the builder.
fn let_in(dockerignore: &str) -> impl Iterator<Item = &str> {
    let lines = dockerignore.lines().filter_map(|line| line.strip_prefix('!'));
    lines.filter(|path| !path.starts_with(".build/"))
}

#[cfg(test)]
mod tests {
    use super::{members_are_let_in, programs_have_stages};
    use crate::repository::planted;

    const MEMBER: &str = "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

    fn outcome(dockerignore: &str) -> Result<(), String> {
        let (_folder, repository) = planted::repository(&[
            (".dockerignore", dockerignore),
            ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"member\"]\n"),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"member\"\nversion = \"0.1.0\"\n"),
            ("member/Cargo.toml", MEMBER),
            ("member/src/lib.rs", ""),
        ]);
        members_are_let_in(&repository).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_member_that_is_kept_out_is_found() {
        outcome("*\n!Cargo.toml\n!Cargo.lock\n!member\n!.build/images/prebuilt\n").unwrap();
        let error = outcome("*\n!Cargo.toml\n!Cargo.lock\n").unwrap_err();
        assert!(error.contains("keeps a member of the workspace out"), "{error}");
    }

    #[test]
    fn a_program_without_a_stage_is_found() {
        let outcome = |dockerfile: &str| {
            let (_folder, repository) = planted::repository(&[
                ("Dockerfile", dockerfile),
                (
                    "k8s/images/list",
                    "# NAME\nfirst dev program . first-program\nredis 8 rootfs k8s/images/redis redis:8\n",
                ),
                ("tests/cluster/images", ""),
            ]);
            programs_have_stages(&repository).map_err(|error| error.to_string())
        };
        outcome("FROM scratch AS image-first-program\nENTRYPOINT [\"/first-program\"]\n").unwrap();
        let error = outcome("FROM scratch AS image-first-program\nENTRYPOINT [\"/second\"]\n").unwrap_err();
        assert!(error.contains("has the program first-program"), "{error}");
    }
}
