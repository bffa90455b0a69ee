//! What is remembered of `make up` until `make down`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::environment::variable;
use crate::kubernetes::Kubernetes;
use crate::repository::Repository;

/// Who made the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Made,
    Found,
}

/// Two files: the way to the cluster and its origin, and the images that run.
#[derive(Debug)]
pub(super) struct State {
    file: PathBuf,
    images: PathBuf,
    /// The marks of the images that were loaded last.
    loaded: [PathBuf; 3],
}

impl State {
    pub(super) fn of(repository: &Repository) -> Result<Self> {
        let folder = repository.build_folder("k8s")?;
        let images = repository.build_folder("images")?;
        let loaded =
            ["operator", "user-service", "mail-service"].map(|name| images.join(format!("{name}.loaded")));
        Ok(Self { file: folder.join("up"), images: folder.join("up.images"), loaded })
    }

    pub(super) fn exists(&self) -> bool {
        self.file.exists()
    }

    /// Remembers the first run; later ones find the cluster of the first.
    pub(super) fn remember(&self, way: &str, origin: Origin) -> Result<()> {
        if self.exists() {
            return Ok(());
        }
        let origin = if origin == Origin::Made { "made" } else { "found" };
        fs::write(&self.file, format!("{way} {origin}\n")).context("the state of make up cannot be written")
    }

    pub(super) fn origin(&self) -> Result<Origin> {
        let text = fs::read_to_string(&self.file).context(
            "make up has made nothing that is still here; a cluster alone goes by make cluster-down",
        )?;
        Ok(if text.trim().ends_with(" made") { Origin::Made } else { Origin::Found })
    }

    /// The cluster that `make up` used, unless CLUSTER names one.
    pub(super) fn cluster<'a>(&self, repository: &'a Repository) -> Result<Kubernetes<'a>> {
        let remembered = fs::read_to_string(&self.file).ok();
        let way = remembered.and_then(|text| text.split_whitespace().next().map(str::to_owned));
        match (variable("CLUSTER"), way) {
            (None, Some(way)) => Ok(Kubernetes { repository, way }),
            _ => Kubernetes::in_use(repository),
        }
    }

    /// Whether other images run than those that were loaded last: the tag of a development image stays the same.
    pub(super) fn has_older_images(&self) -> bool {
        fs::read_to_string(&self.images).is_ok_and(|running| running != self.loaded())
    }

    pub(super) fn remember_images(&self) -> Result<()> {
        fs::write(&self.images, self.loaded()).context("the images of make up cannot be remembered")
    }

    fn loaded(&self) -> String {
        self.loaded.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
    }

    pub(super) fn forget(&self) {
        // Both may be missing.
        let _ = fs::remove_file(&self.file);
        let _ = fs::remove_file(&self.images);
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, State};
    use crate::repository::planted;

    #[test]
    fn the_first_run_decides_who_made_the_cluster() {
        let (_folder, repository) = planted::repository(&[]);
        let state = State::of(&repository).unwrap();
        assert!(state.origin().unwrap_err().to_string().contains("make cluster-down"));
        state.remember("local", Origin::Made).unwrap();
        state.remember("local", Origin::Found).unwrap();
        assert_eq!(state.origin().unwrap(), Origin::Made);
        assert_eq!(state.cluster(&repository).unwrap().way, "local");
        state.forget();
        assert!(!state.exists());
    }

    #[test]
    fn images_that_were_loaded_since_are_noticed() {
        let (_folder, repository) = planted::repository(&[(".build/images/operator.loaded", "local a\n")]);
        let state = State::of(&repository).unwrap();
        assert!(!state.has_older_images(), "nothing runs yet");
        state.remember_images().unwrap();
        assert!(!state.has_older_images());
        std::fs::write(repository.path(".build/images/operator.loaded"), "local b\n").unwrap();
        assert!(state.has_older_images());
    }
}
