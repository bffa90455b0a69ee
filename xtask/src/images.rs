//! Images: the lists of them, and how they are built and loaded into the cluster in use.

mod build;
mod destination;
mod engine;
mod input;

pub(crate) use build::{for_the_cluster, programs};
pub(crate) use engine::Engine;

use anyhow::{Context, Result};

use crate::repository::Repository;

/// The images that a stack runs, and those of the cluster cases.
pub(crate) const LISTS: [&str; 2] = ["k8s/images/list", "tests/cluster/images"];
/// Where images are named before they are released.
const BUILT: &str = "localhost/ping";

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) version: String,
    /// `program`, `rootfs`, `go` or `mailpit`.
    kind: String,
    /// The folder of its Dockerfile.
    folder: String,
    /// The name of our program, or the image that is used instead where Docker can pull it.
    pub(crate) source: String,
}

impl Image {
    pub(crate) fn is_program(&self) -> bool {
        self.kind == "program"
    }

    /// Its whole name, as the charts have it before a release.
    pub(crate) fn built(&self) -> String {
        format!("{BUILT}/{}:{}", self.name, self.version)
    }
}

pub(crate) fn read(repository: &Repository, list: &str) -> Result<Vec<Image>> {
    parse(&repository.read(list)?).with_context(|| format!("{list} cannot be used"))
}

fn parse(list: &str) -> Result<Vec<Image>> {
    let lines = list.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let images = lines.map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[name, version, kind, folder, source] = fields.as_slice() else {
            anyhow::bail!("'{line}' has not the five columns of the list");
        };
        let [name, version, kind, folder, source] = [name, version, kind, folder, source].map(str::to_owned);
        Ok(Image { name, version, kind, folder, source })
    });
    images.collect()
}

#[cfg(test)]
mod tests {
    use super::{Image, parse};

    const LIST: &str = "\
# NAME  VERSION  KIND  FOLDER  PROGRAM or UPSTREAM
operator dev program . ping-operator
redis 8 rootfs k8s/images/redis docker.io/library/redis:8
";

    pub(super) fn images() -> Vec<Image> {
        parse(LIST).unwrap()
    }

    #[test]
    fn a_list_has_five_columns() {
        let images = images();
        assert!(images[0].is_program() && !images[1].is_program());
        assert_eq!(images[0].built(), "localhost/ping/operator:dev");
        assert_eq!(images[1].source, "docker.io/library/redis:8");
        assert!(parse("redis 8 rootfs k8s/images/redis\n").is_err());
    }
}
