//! The operator of an older commit: its images, built once for each commit, and the folder whose chart installs them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    cluster::{Cluster, kubectl},
    settings::Way,
    wait::chain,
};

/// The images of our programs.
const IMAGES: [&str; 3] = ["user-service", "mail-service", "operator"];
const LIST: &str = "k8s/images/list";
/// Is there once the images are built.
const MARK: &str = ".built";

/// Loads the images of a commit into the local cluster under the version `older`, and returns the commit's folder.
pub(super) async fn load(cluster: &Cluster, commit: &str) -> Result<PathBuf, String> {
    if cluster.way != Way::Local {
        return Err("an older operator is installed on the local cluster only: make cluster".to_owned());
    }
    let commit = git(cluster, &["rev-parse", "--verify", "--quiet", &format!("{commit}^{{commit}}")])
        .await
        .map_err(|_| format!("{commit} is not in this clone: fetch the history"))?;
    let folder = cluster.repository.join(".build/older").join(commit.trim());
    if !folder.join(MARK).exists() {
        unpack(cluster, commit.trim(), &folder).await?;
        build(&folder).await?;
        fs::write(folder.join(MARK), "").map_err(chain)?;
    }
    let archive = |image: &str| folder.join(format!(".build/images/{image}.tar")).display().to_string();
    let archives = IMAGES.map(archive);
    let load = [&["load"], &archives.each_ref().map(String::as_str)[..]].concat();
    kubectl::run_path(&cluster.repository.join("k8s/local/nodes"), &load).await?;
    Ok(folder)
}

async fn git(cluster: &Cluster, arguments: &[&str]) -> Result<String, String> {
    let repository = cluster.repository.display().to_string();
    kubectl::run_path(Path::new("git"), &[&["-C", &repository], arguments].concat()).await
}

async fn unpack(cluster: &Cluster, commit: &str, folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(chain)?;
    }
    fs::create_dir_all(folder).map_err(chain)?;
    let archive = folder.join("commit.tar").display().to_string();
    git(cluster, &["archive", "--output", &archive, commit]).await?;
    let folder_name = folder.display().to_string();
    let extract = ["--extract", "--directory", &folder_name, "--file", &archive];
    kubectl::run_path(Path::new("tar"), &extract).await?;
    fs::remove_file(&archive).map_err(chain)?;
    let list = fs::read_to_string(folder.join(LIST)).map_err(chain)?;
    fs::write(folder.join(LIST), older_programs(&list)).map_err(chain)
}

/// The list of images with our programs alone, whose version is `older`.
fn older_programs(list: &str) -> String {
    let is_kept = |line: &&str| line.starts_with('#') || line.contains(" program ");
    let older = |line: &str| format!("{}\n", line.replacen(" dev ", " older ", 1));
    list.lines().filter(is_kept).map(older).collect()
}

async fn build(folder: &Path) -> Result<(), String> {
    // Commits before the program have a script.
    let script = folder.join("k8s/images/build").display().to_string();
    let program = ["cargo", "xtask", "images"];
    let builder =
        if Path::new(&script).exists() { vec![script.as_str()] } else { [&program[..], &IMAGES].concat() };
    let folder = folder.display().to_string();
    let environment = ["--chdir", folder.as_str(), "CLUSTER=none"];
    kubectl::run_path(Path::new("env"), &[&environment[..], &builder].concat()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::older_programs;

    #[test]
    fn the_older_list_has_our_programs_alone() {
        let list =
            "# NAME VERSION KIND\noperator  dev program . ping-operator\nredis 8 rootfs k8s/images/redis x\n";
        assert_eq!(older_programs(list), "# NAME VERSION KIND\noperator  older program . ping-operator\n");
    }

    #[test]
    fn the_list_of_this_commit_has_the_images_of_an_older_operator() {
        let list = include_str!("../../../../k8s/images/list");
        let older = older_programs(list);
        for image in super::IMAGES {
            let version = super::super::images::version_in(&older, image);
            assert_eq!(version.as_deref(), Some("older"), "{image}");
        }
    }
}
