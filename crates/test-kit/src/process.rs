//! One of our binaries as a process: its readiness, its output, its memory and open files, its sudden end.

mod figures;
mod output;
mod signal;

pub use output::{Line, Output, Stream};
pub(crate) use signal::{send_signal, wait_for_exit};

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};

use crate::readyz::Readyz;
use crate::wait::wait_until;

/// From start to ready on a busy machine, three times what it takes.
const READY_DEADLINE: Duration = Duration::from_secs(30);

/// How to start one of our binaries.
#[derive(Debug, Clone)]
pub struct ServiceCommand {
    binary: PathBuf,
    arguments: Vec<OsString>,
    wrapper: Vec<OsString>,
    environment: BTreeMap<String, String>,
    management_port: u16,
}

impl ServiceCommand {
    /// The binary `name`, as built beside the running test; `management_port` is where it tells that it is ready.
    ///
    /// # Panics
    /// When it has not been built.
    #[must_use]
    pub fn new(name: &str, management_port: u16) -> Self {
        Self {
            binary: binary(name),
            arguments: Vec::new(),
            wrapper: Vec::new(),
            environment: BTreeMap::new(),
            management_port,
        }
    }

    /// The binary of the same name in another folder, as in a release build's.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn from_folder(mut self, folder: &Path) -> Self {
        self.binary = self.binary.file_name().map_or_else(PathBuf::new, |name| folder.join(name));
        assert!(self.binary.is_file(), "{} is missing: build it first", self.binary.display());
        self
    }

    /// One environment variable. The process gets no other than these, and `PATH`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// One more command-line argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Runs the binary through another program that executes it, as in `["faketime", "-f", "+10m"]`.
    #[must_use]
    pub fn through<I: IntoIterator<Item: Into<OsString>>>(mut self, wrapper: I) -> Self {
        self.wrapper = wrapper.into_iter().map(Into::into).collect();
        self
    }

    /// Starts it, and waits until `/readyz` on the management port answers 200.
    ///
    /// # Panics
    /// With its output, when it ends before, or is not ready in time.
    pub async fn start(self) -> ServiceProcess {
        let mut process = self.spawn();
        process.wait_until_ready().await;
        process
    }

    /// Starts it without waiting for anything.
    ///
    /// # Panics
    /// When it cannot be run.
    #[must_use]
    pub fn spawn(self) -> ServiceProcess {
        let mut process = ServiceProcess { command: self, output: Output::default(), child: None };
        process.spawn();
        process
    }

    fn to_command(&self) -> Command {
        let mut words = self.wrapper.iter().cloned().chain([self.binary.clone().into()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(&self.arguments).env_clear().envs(&self.environment);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

/// Where cargo put the binary: test executables are in `target/<profile>/deps`, binaries one folder up.
fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_else(|error| panic!("this test has no path: {error}"));
    let path = own.ancestors().nth(2).unwrap_or(&own).join(name);
    assert!(path.is_file(), "{} is missing: build it first with `cargo build -p {name}`", path.display());
    path
}

/// A running binary. Killed when dropped.
#[derive(Debug)]
pub struct ServiceProcess {
    command: ServiceCommand,
    output: Output,
    child: Option<Child>,
}

impl ServiceProcess {
    fn spawn(&mut self) {
        let child = self.command.to_command().spawn();
        let mut child =
            child.unwrap_or_else(|error| panic!("{} cannot be run: {error}", self.command.binary.display()));
        self.output.record(Stream::Output, child.stdout.take());
        self.output.record(Stream::Error, child.stderr.take());
        self.child = Some(child);
    }

    /// Waits until `/readyz` on the management port answers 200.
    ///
    /// # Panics
    /// With its output, when it has ended, or is not ready in time.
    pub async fn wait_until_ready(&mut self) {
        let client = crate::http_client();
        let name = self.command.binary.display().to_string();
        let url = format!("http://127.0.0.1:{}/readyz", self.command.management_port);
        let child = &mut self.child;
        let output = &self.output;
        wait_until(&format!("{name} to be ready"), READY_DEADLINE, || {
            let ended = child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "{name} ended before it was ready; its output:\n{output}");
            let request = client.get(&url).send();
            async move { request.await.is_ok_and(|answer| answer.status().is_success()) }
        })
        .await;
    }

    /// Waits until the check in `/readyz?verbose` is not usable for this reason; with an empty one, until it is usable.
    ///
    /// # Panics
    /// With the last answer, when it is not so in time.
    pub async fn wait_for_reason(&self, check: &str, reason: &str) -> Readyz {
        Readyz::wait_for(self.command.management_port, check, reason).await
    }

    /// All that it has written, over all its starts.
    #[must_use]
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The process id; `None` when it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Kills it, as a crash does (SIGKILL), and waits for its end.
    pub async fn kill9(&mut self) {
        send_signal(self.pid(), Signal::KILL);
        self.wait_for_exit(READY_DEADLINE).await;
    }

    /// Asks it to end in order (SIGTERM), and waits for that.
    ///
    /// # Panics
    /// When it has not ended after `deadline`.
    pub async fn terminate(&mut self, deadline: Duration) -> ExitStatus {
        send_signal(self.pid(), Signal::TERM);
        self.wait_for_exit(deadline).await
    }

    /// Asks it to end in order (SIGTERM), and goes on.
    pub fn ask_to_end(&self) {
        send_signal(self.pid(), Signal::TERM);
    }

    /// Freezes it (SIGSTOP).
    pub fn pause(&self) {
        send_signal(self.pid(), Signal::STOP);
    }

    /// Thaws it (SIGCONT).
    pub fn resume(&self) {
        send_signal(self.pid(), Signal::CONT);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended after `deadline`, or had ended before.
    pub async fn wait_for_exit(&mut self, deadline: Duration) -> ExitStatus {
        let name = self.command.binary.display();
        let Some(child) = &mut self.child else { panic!("{name} is not running") };
        let status = wait_for_exit(child, deadline).await;
        let status = status
            .unwrap_or_else(|| panic!("{name} did not end in {deadline:?}; its output:\n{}", self.output));
        self.child = None;
        status
    }

    /// Starts it again with the same environment, killing it first if it runs, and waits until it is ready.
    pub async fn restart(&mut self) {
        if self.pid().is_some() {
            self.kill9().await;
        }
        self.spawn();
        self.wait_until_ready().await;
    }
}

#[cfg(test)]
mod tests;
