//! What builds, keeps and pushes images: Docker where it answers, otherwise buildah.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Image;
use super::input::Input;
use crate::program::Program;
use crate::repository::Repository;

/// An image of ours that is larger contains something that it should not.
const LARGEST: u64 = 33_000_000;

#[derive(Debug)]
pub(crate) struct Engine {
    kind: Kind,
    /// Where archives lie, and all that buildah keeps.
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Docker,
    Buildah,
}

impl Engine {
    pub(crate) fn find(repository: &Repository) -> Result<Self> {
        let folder = repository.build_folder("images")?;
        let asked = Program::new("timeout").arguments(["10", "docker", "version"]).quietly();
        if asked.is_ok() {
            return Ok(Self { kind: Kind::Docker, folder });
        }
        repository.need("buildah", "buildah")?;
        Ok(Self { kind: Kind::Buildah, folder })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Docker => "docker",
            Kind::Buildah => "buildah",
        }
    }

    /// The archive of an image. Docker writes it only to load it.
    pub(super) fn archive(&self, image: &Image) -> PathBuf {
        self.folder.join(format!("{}.tar", image.name))
    }

    pub(crate) fn program(&self) -> Program {
        match self.kind {
            Kind::Docker => Program::new("docker"),
            // The storage driver vfs needs no mounts, and nothing is left outside the folder.
            Kind::Buildah => Program::new("buildah")
                .argument("--root")
                .argument(self.folder.join("storage"))
                .argument("--runroot")
                .argument(self.folder.join("run"))
                .arguments(["--storage-driver", "vfs"])
                .variable("BUILDAH_ISOLATION", "chroot"),
        }
    }

    /// The id of an image of others that Docker could pull, now under the name of ours.
    pub(super) fn pull(&self, image: &Image) -> Option<String> {
        if self.kind == Kind::Buildah {
            return None;
        }
        self.program().arguments(["pull", "--quiet", &image.source]).quietly().ok()?;
        self.program().arguments(["tag", &image.source, &image.built()]).quietly().ok()?;
        self.inspect("{{.Id}}", &image.built()).ok()
    }

    /// Builds an image; without Docker into its archive.
    pub(super) fn build(&self, image: &Image, input: &Input, dockerfile: &Path) -> Result<()> {
        let layers = (self.kind == Kind::Buildah).then_some("--layers=false");
        self.program()
            .arguments(["build", "--quiet"])
            .arguments(layers)
            .arguments(input.arguments.iter().flat_map(|argument| ["--build-arg", argument]))
            .argument("--file")
            .argument(dockerfile)
            .arguments(["--tag", &image.built()])
            .argument(&input.context)
            .quietly()?;
        if self.kind == Kind::Buildah {
            let archive = self.archive(image);
            // An archive is not overwritten.
            let _ = std::fs::remove_file(&archive);
            let to = format!("docker-archive:{}:{}", archive.display(), image.built());
            self.program().arguments(["push", "--quiet", &image.built(), &to]).quietly()?;
            self.program().arguments(["rmi", "--force", &image.built()]).quietly()?;
        }
        Ok(())
    }

    pub(super) fn check_size(&self, image: &Image) -> Result<()> {
        let size = match self.kind {
            Kind::Docker => self.inspect("{{.Size}}", &image.built())?.parse()?,
            Kind::Buildah => std::fs::metadata(self.archive(image))?.len(),
        };
        if size >= LARGEST {
            bail!("{} has {size} octets, {LARGEST} are allowed: see what was added to it", image.built());
        }
        Ok(())
    }

    /// Writes the archive, if the engine does not keep one.
    pub(super) fn save(&self, image: &Image) -> Result<PathBuf> {
        let archive = self.archive(image);
        if self.kind == Kind::Docker {
            self.program()
                .arguments(["save", "--output"])
                .argument(&archive)
                .argument(image.built())
                .quietly()?;
        }
        Ok(archive)
    }

    /// Pushes an image under another name, and returns its digest.
    pub(crate) fn push(&self, image: &Image, to: &str, is_local: bool) -> Result<String> {
        match self.kind {
            Kind::Docker => {
                self.program().arguments(["tag", &image.built(), to]).quietly()?;
                self.program().arguments(["push", "--quiet", to]).quietly()?;
                let digest = self.inspect("{{index .RepoDigests 0}}", to)?;
                Ok(digest.rsplit_once('@').context("Docker knows no digest")?.1.to_owned())
            }
            Kind::Buildah => {
                // What is pushed must be in buildah's storage; a push from an archive is refused.
                let archive = format!("docker-archive:{}", self.archive(image).display());
                let id = self.program().arguments(["pull", "--quiet", &archive]).output()?;
                let digest = self.folder.join("pushed.digest");
                self.program()
                    .arguments(["push", "--quiet", &format!("--tls-verify={}", !is_local), "--digestfile"])
                    .argument(&digest)
                    .arguments([id.trim(), &format!("docker://{to}")])
                    .quietly()?;
                self.program().arguments(["rmi", "--force", id.trim()]).quietly()?;
                Ok(std::fs::read_to_string(&digest)?.trim().to_owned())
            }
        }
    }

    fn inspect(&self, format: &str, image: &str) -> Result<String> {
        let printed = self.program().arguments(["image", "inspect", "--format", format, image]).output()?;
        Ok(printed.trim().to_owned())
    }
}
