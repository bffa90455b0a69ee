//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::program::Program;

#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The checkout that this program was compiled from.
    pub(crate) fn of_this_program() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::at(manifest.parent().unwrap_or(manifest))
    }

    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }

    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        fs::read_to_string(self.path(path)).with_context(|| format!("{} cannot be read", path.display()))
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, text: &str) -> Result<()> {
        let path = path.as_ref();
        fs::write(self.path(path), text).with_context(|| format!("{} cannot be written", path.display()))
    }

    /// A folder below `.build`, created if needed.
    pub(crate) fn build_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.path(".build").join(name);
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        Ok(folder)
    }

    /// A program of this machine is there, or is installed from its Debian package; else the error says what to install.
    pub(crate) fn need(&self, program: &str, package: &str) -> Result<()> {
        let functions = self.path("dev/need.bash");
        Program::bash(&functions, &format!("need {program} {package}")).output().map(drop)
    }

    /// Files that git knows, by their paths from the root. A pattern is git's, such as `*.md`.
    pub(crate) fn git_files(&self, patterns: &[&str]) -> Result<Vec<String>> {
        let listed = Program::new("git")
            .arguments(["ls-files", "-z", "--"])
            .arguments(patterns)
            .inside(&self.root)
            .output()?;
        let files = listed.split('\0').filter(|path| !path.is_empty() && self.has(path));
        Ok(files.map(str::to_owned).collect())
    }

    /// All files below a folder with this ending, sorted, by their paths from the root.
    pub(crate) fn files_below(&self, folder: &str, ending: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries =
                fs::read_dir(self.path(&folder)).with_context(|| format!("{folder} cannot be read"))?;
            for entry in entries {
                let entry = entry?;
                let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                if entry.file_type()?.is_dir() {
                    folders.push(path);
                } else if path.ends_with(ending) {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
pub(crate) mod planted {
    use std::fs;

    use tempfile::TempDir;

    use super::Repository;

    /// A repository with the given files and no others, for a check to judge.
    pub(crate) fn repository(files: &[(&str, &str)]) -> (TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let repository = Repository::at(folder.path());
        (folder, repository)
    }
}
