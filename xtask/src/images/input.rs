//! What an image is built from.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Image;
use crate::program::Program;
use crate::repository::Repository;

#[derive(Debug)]
pub(super) struct Input {
    pub(super) context: PathBuf,
    /// The build arguments.
    pub(super) arguments: Vec<String>,
    /// Changes with what the image is built from; missing where Docker's own cache knows that.
    pub(super) version: Option<String>,
}

/// Where programs that were compiled beforehand lie; .dockerignore lets it in.
pub(super) fn prebuilt_folder(repository: &Repository) -> Result<PathBuf> {
    repository.build_folder("images/prebuilt")
}

/// Makes the context of an image.
pub(super) fn prepare(repository: &Repository, image: &Image, is_prebuilt: bool) -> Result<Input> {
    let folder = repository.path(&image.folder);
    match image.kind.as_str() {
        "program" => program(repository, image, is_prebuilt),
        "rootfs" => {
            let printed = Program::new(repository.path("dev/rootfs")).argument(&image.name).output()?;
            let context = PathBuf::from(printed.trim());
            let status = context.join("var/lib/dpkg/status");
            Input::of(context, &status, &folder)
        }
        "go" => {
            let context = repository.build_folder(&format!("images/{}", image.name))?;
            let program = context.join(&image.name);
            Program::new("go")
                .argument("build")
                .argument("-C")
                .argument(&folder)
                .arguments(["-trimpath", "-ldflags", "-s -w", "-o"])
                .argument(&program)
                .argument(".")
                .variable("CGO_ENABLED", "0")
                .output()?;
            Input::of(context, &program, &folder)
        }
        "mailpit" => {
            let printed = Program::new(repository.path("dev/tool")).argument("mailpit").output()?;
            let program = PathBuf::from(printed.trim());
            let context = program.parent().context("Mailpit has no folder")?.to_owned();
            Input::of(context, &program, &folder)
        }
        other => bail!("{}: there is no kind of image '{other}'", image.name),
    }
}

fn program(repository: &Repository, image: &Image, is_prebuilt: bool) -> Result<Input> {
    let arguments = vec![format!("PROGRAM={}", image.source), format!("PREBUILT={}", u8::from(is_prebuilt))];
    let context = repository.root().to_owned();
    if !is_prebuilt {
        return Ok(Input { context, arguments, version: None });
    }
    let program = prebuilt_folder(repository)?.join(&image.source);
    let input = Input::of(context, &program, repository.root())?;
    Ok(Input { arguments, ..input })
}

impl Input {
    fn of(context: PathBuf, file: &Path, folder: &Path) -> Result<Self> {
        let sums = Program::new("sha256sum").argument(file).argument(folder.join("Dockerfile")).output()?;
        let sums: Vec<&str> = sums.lines().filter_map(|line| line.get(..32)).collect();
        Ok(Self { context, arguments: Vec::new(), version: Some(sums.join("-")) })
    }
}
