//! A process under measurement: one of the services, or a bare loop, on one core or on all.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use service_kit::{backoff::pause, shutdown::Shutdown};
use tokio::process::{Child, Command};

use crate::meter::{self, Party};

/// From start to ready on a busy machine.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// Longer than a service's own grace period.
const END_DEADLINE: Duration = Duration::from_mins(1);

/// Which cores a process gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// The first, and one thread of the runtime.
    One,
    All,
}

impl Cores {
    pub(crate) fn name(self) -> &'static str {
        if self == Self::One { "one" } else { "all" }
    }

    pub(crate) fn count(self) -> u32 {
        if self == Self::One { 1 } else { meter::cores() }
    }
}

/// Environment variables of a process; it gets no other than these.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// A running service. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    pub(crate) pid: u32,
    name: &'static str,
    cores: Cores,
    management_port: u16,
}

impl Service {
    /// Starts a service, and waits until its management port says that it is ready.
    pub(crate) async fn start(
        name: &'static str,
        environment: Environment,
        cores: Cores,
        log: &Path,
    ) -> Result<Self> {
        let mut service = Self::spawn(name, environment, cores, log)?;
        service.wait_until_ready().await?;
        Ok(service)
    }

    /// Starts a program with the service's settings in place of the service, and waits until it is ready.
    pub(crate) async fn stand_in(
        name: &'static str,
        command: Command,
        environment: Environment,
        cores: Cores,
        log: &Path,
    ) -> Result<Self> {
        let mut service = Self::spawn_command(name, command, environment, cores, log)?;
        service.wait_until_ready().await?;
        Ok(service)
    }

    /// Starts a service, and waits for nothing.
    pub(crate) fn spawn(
        name: &'static str,
        environment: Environment,
        cores: Cores,
        log: &Path,
    ) -> Result<Self> {
        Self::spawn_command(name, command(name, cores)?, environment, cores, log)
    }

    fn spawn_command(
        name: &'static str,
        mut command: Command,
        environment: Environment,
        cores: Cores,
        log: &Path,
    ) -> Result<Self> {
        let port = free_port()?;
        command.envs(environment).env("LOG_FORMAT", "json");
        command.env("BIND_ADDRESS", "127.0.0.1").env("MANAGEMENT_PORT", port.to_string());
        let log = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let child = child.with_context(|| format!("{name} cannot be run: build it first"))?;
        let pid = child.id().context("it has just ended")?;
        Ok(Self { child, pid, name, cores, management_port: port })
    }

    pub(crate) fn party(&self) -> Party {
        Party { name: self.name, pid: self.pid, cores: self.cores.count() }
    }

    /// Asks it to end in order, and waits for that.
    pub(crate) async fn terminate(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, Signal::TERM)?;
        let ended = tokio::time::timeout(END_DEADLINE, self.child.wait()).await;
        let status = ended.with_context(|| format!("{} did not end in {END_DEADLINE:?}", self.name))??;
        ensure!(status.success(), "{} ended with {status}: see its log beside the results", self.name);
        Ok(())
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/readyz", self.management_port);
        let end = Instant::now() + READY_DEADLINE;
        let client = reqwest::Client::builder().no_proxy().build()?;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended before it was ready, with {status}: see its log beside the results",
                    self.name
                );
            }
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            wait(Duration::from_millis(20)).await;
        }
        bail!("{} was not ready after {READY_DEADLINE:?}: see its log beside the results", self.name)
    }
}

/// A program that was built beside this one, with no environment yet.
pub(crate) fn command(name: &str, cores: Cores) -> Result<Command> {
    let own = std::env::current_exe().context("this program has no path")?;
    Ok(command_of(&own.with_file_name(name), cores))
}

/// Any program, with no environment yet.
pub(crate) fn command_of(program: &Path, cores: Cores) -> Command {
    let mut command = match cores {
        Cores::One => {
            // It becomes the program, in the same process.
            let mut pinned = Command::new("taskset");
            pinned.arg("--cpu-list").arg("0").arg(program);
            pinned
        }
        Cores::All => Command::new(program),
    };
    command.env_clear().kill_on_drop(true).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    if cores == Cores::One {
        command.env("TOKIO_WORKER_THREADS", "1");
    }
    command
}

/// A port of 127.0.0.1 on which nobody listens.
pub(crate) fn free_port() -> Result<u16> {
    let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(socket.local_addr()?.port())
}

pub(crate) async fn wait(time: Duration) {
    // Nobody shuts this one down.
    let _ = pause(time, &Shutdown::new()).await;
}
