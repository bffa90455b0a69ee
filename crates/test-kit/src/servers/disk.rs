//! A small disk that a test fills up.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::server_process::temporary_folder;

const BLOCK: [u8; 4096] = [b'x'; 4096];

/// A tmpfs of fixed size for one server's data. Needs root and the servers of the root file systems
/// (a Docker daemon does not see the mounts of `dev/with-servers`). Unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
    mounted_at: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk of `bytes`.
    ///
    /// # Panics
    /// When it cannot be mounted: only root may.
    #[must_use]
    pub fn mount(bytes: u64) -> Self {
        let folder = temporary_folder();
        let mounted_at = folder.path().join("disk");
        let disk = Self { folder, mounted_at };
        let options = format!("size={bytes},mode=0711");
        let made = fs::create_dir(disk.path());
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(disk.path()).status();
        match (made, mounted) {
            (Ok(()), Ok(status)) if status.success() => disk,
            (made, mounted) => panic!("no small disk: run as root ({made:?}, mount: {mounted:?})"),
        }
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.mounted_at
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Takes the space that is left, but for `bytes`.
    ///
    /// # Panics
    /// When the ballast cannot be made.
    pub fn fill_but(&self, bytes: u64) {
        self.fill();
        let shrunk = fs::File::options().write(true).open(self.ballast());
        let shrunk = shrunk.and_then(|file| file.set_len(file.metadata()?.len().saturating_sub(bytes)));
        shrunk.unwrap_or_else(|error| panic!("no space can be left on the small disk: {error}"));
    }

    /// Takes all space that is left.
    ///
    /// # Panics
    /// When the ballast cannot be made.
    pub fn fill(&self) {
        let ballast = fs::File::options().create(true).append(true).open(self.ballast());
        let mut ballast = ballast.unwrap_or_else(|error| panic!("no ballast on the small disk: {error}"));
        // The only way out is the disk's end.
        while ballast.write_all(&BLOCK).is_ok() {}
    }

    /// Gives the space back that [`fill`](Self::fill) took.
    pub fn free(&self) {
        // An error says that it was not filled.
        let _ = fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(self.path());
    }
}

/// Lazily: a server that was just killed may hold it for a moment more.
fn unmount(path: &Path) {
    let _ = Command::new("umount").arg("--lazy").arg(path).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_disk_takes_nothing_until_it_is_freed() {
        let disk = SmallDisk::mount(256 * 1024);
        let file = disk.path().join("file");
        disk.fill();
        assert!(fs::write(&file, BLOCK).is_err());
        disk.free();
        fs::write(&file, BLOCK).unwrap();
        disk.fill_but(64 * 1024);
        fs::write(disk.path().join("another"), BLOCK).unwrap();
    }
}
