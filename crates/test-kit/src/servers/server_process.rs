//! A server of one test's own, run by `dev/server`, which passes signals on to the real process wherever that runs.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::SmallDisk;
use crate::process::{send_signal, wait_for_exit};
use crate::repository;
use crate::wait::wait_until;

/// An orderly stop of RabbitMQ takes about a second; a machine under load takes its time.
const STOP_DEADLINE: Duration = Duration::from_mins(1);
/// A killed process is gone in milliseconds.
const DROP_DEADLINE: Duration = Duration::from_secs(2);
/// Of the log, when the test that a server belongs to fails.
const SHOWN_LINES: usize = 60;

/// A server's process. Dropping it kills the server with all its children and removes its data.
#[derive(Debug)]
pub struct ServerProcess {
    arguments: Vec<String>,
    /// Where it takes connections.
    address: SocketAddr,
    data: Data,
    child: Option<Child>,
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let start = log.lines().count().saturating_sub(SHOWN_LINES);
            let end = log.lines().skip(start).collect::<Vec<_>>().join("\n");
            let _ = writeln!(
                std::io::stderr(),
                "the last lines of {} at {}:\n{end}",
                self.arguments[0],
                self.address
            );
        }
        // The data is removed next: nothing may write to it any more.
        let Some(child) = &mut self.child else { return };
        let _ = child.start_kill();
        let end = std::time::Instant::now() + DROP_DEADLINE;
        while matches!(child.try_wait(), Ok(None)) && std::time::Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Where the server keeps its data: in memory within `dev/with-servers`, removed when dropped.
#[derive(Debug)]
enum Data {
    Folder(TempDir),
    Small(SmallDisk),
}

impl Data {
    fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Small(disk) => disk.path(),
        }
    }
}

impl ServerProcess {
    /// Starts `dev/server` with `arguments`; the caller waits until the server answers.
    pub(super) fn start(arguments: Vec<String>, address: SocketAddr, disk: Option<SmallDisk>) -> Self {
        Self::start_with_files(arguments, address, disk, &[])
    }

    /// The same, with files (name and text) in the folder that the server keeps its data in.
    pub(super) fn start_with_files(
        arguments: Vec<String>,
        address: SocketAddr,
        disk: Option<SmallDisk>,
        files: &[(&str, &str)],
    ) -> Self {
        let data = disk.map_or_else(|| Data::Folder(temporary_folder()), Data::Small);
        for (name, text) in files {
            let folder = data.path().join("data");
            let written =
                std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(name), text));
            written.unwrap_or_else(|error| panic!("{name} cannot be written: {error}"));
        }
        let mut process = Self { arguments, address, data, child: None };
        process.spawn();
        process
    }

    fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_file());
        let log = log
            .unwrap_or_else(|error| panic!("no log of a server in {}: {error}", self.log_file().display()));
        let errors =
            log.try_clone().unwrap_or_else(|error| panic!("no second handle of a server's log: {error}"));
        let (name, options) = self.arguments.split_at(1);
        let child = Command::new(repository().join("dev/server"))
            .args(name)
            .arg("--data")
            .arg(self.data.path().join("data"))
            .args(options)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("dev/server cannot be run: {error}")));
    }

    /// Kills the server and all its children at once, as a crash does (SIGKILL). Its data stays.
    pub async fn kill9(&mut self) {
        self.end(Signal::KILL).await;
    }

    /// Stops the server in order (SIGTERM). Its data stays.
    pub async fn stop(&mut self) {
        self.end(Signal::TERM).await;
    }

    async fn end(&mut self, signal: Signal) {
        let Some(mut child) = self.child.take() else { return };
        send_signal(child.id(), signal);
        let ended = wait_for_exit(&mut child, STOP_DEADLINE).await;
        assert!(
            ended.is_some(),
            "{} did not end within {STOP_DEADLINE:?} of {signal:?}; its log:\n{}",
            self.arguments[0],
            self.log()
        );
        // dev/server is gone; the kernel now ends what it ran.
        wait_until("a stopped server to take no connections", STOP_DEADLINE, || async {
            TcpStream::connect(self.address).await.is_err()
        })
        .await;
    }

    /// Removes what a server that has ended kept, as the loss of its disk does.
    pub(super) fn lose_data(&self) {
        assert!(self.child.is_none(), "{} still runs on its data", self.arguments[0]);
        let data = self.data.path().join("data");
        let lost = std::fs::remove_dir_all(&data);
        lost.unwrap_or_else(|error| panic!("{} cannot be removed: {error}", data.display()));
    }

    /// Starts the server anew on the same ports and data; the caller waits until it answers.
    pub(super) async fn start_again(&mut self) {
        self.stop().await;
        self.spawn();
    }

    /// Freezes the server: its connections stay open and nothing answers (SIGSTOP).
    pub fn pause(&self) {
        send_signal(self.child.as_ref().and_then(Child::id), Signal::USR1);
    }

    /// Thaws a frozen server (SIGCONT).
    pub fn resume(&self) {
        send_signal(self.child.as_ref().and_then(Child::id), Signal::USR2);
    }

    /// # Panics
    /// With the end of the log, when the server has ended by itself.
    pub(super) fn assert_running(&mut self) {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        if let Some(status) = ended {
            panic!("{} ended ({status}); its log:\n{}", self.arguments[0], self.log());
        }
    }

    /// The disk that was given to the server, if any.
    #[must_use]
    pub fn disk(&self) -> Option<&SmallDisk> {
        match &self.data {
            Data::Small(disk) => Some(disk),
            Data::Folder(_) => None,
        }
    }

    /// All that the server has written to its standard output and error.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(self.log_file())
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Not on the small disk: a full one would lose what the server says of it.
    fn log_file(&self) -> PathBuf {
        match &self.data {
            Data::Folder(folder) => folder.path().join("log"),
            Data::Small(disk) => disk.log_file(),
        }
    }
}

/// A folder that others may pass through: servers run as users of their own.
pub(super) fn temporary_folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let parent = repository().join(".build/tmp");
    let folder = std::fs::create_dir_all(&parent).and_then(|()| {
        let permissions = std::fs::Permissions::from_mode(0o711);
        tempfile::Builder::new().prefix("test.").permissions(permissions).tempdir_in(&parent)
    });
    folder.unwrap_or_else(|error| panic!("no folder can be made in {}: {error}", parent.display()))
}
