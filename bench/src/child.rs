//! A bare loop as a process of its own, so that its processor time can be told from the generator's. Parent and child
//! agree on the moment: the child says `ready` when all its connections are there, and begins at `go`.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::{
    meter::Party,
    service::{Cores, Environment, command},
    statistics::Latency,
};

/// The name under which a bare loop is metered.
pub(crate) const BARE_LOOP: &str = "bare loop";

const READY: &str = "ready";
const GO: &str = "go";

/// What a bare loop did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LoopReport {
    pub(crate) requests: u64,
    pub(crate) latency_us: Latency,
    /// The first failure; one is enough to make the measurement void.
    pub(crate) failure: Option<String>,
}

/// A bare loop that is ready. Killed when dropped.
pub(crate) struct BareLoop {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    cores: Cores,
}

impl BareLoop {
    /// Starts this program with other arguments, and waits until it is ready.
    pub(crate) async fn start(
        arguments: &[String],
        environment: Environment,
        cores: Cores,
        log: &Path,
    ) -> Result<Self> {
        let log = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut command = command("bench", cores)?;
        command.args(arguments).envs(environment);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take();
        let output = BufReader::new(output.context("no pipe")?).lines();
        let mut bare = Self { child, input: input.context("no pipe")?, output, cores };
        ensure!(bare.line().await? == READY, "a bare loop did not begin: see its log beside the results");
        Ok(bare)
    }

    pub(crate) fn party(&self) -> Result<Party> {
        let pid = self.child.id().context("a bare loop has ended")?;
        Ok(Party { name: BARE_LOOP, pid, cores: self.cores.count() })
    }

    /// Lets it run to its end. The process stays until this is dropped, so that its figures can be read.
    pub(crate) async fn run(&mut self) -> Result<LoopReport> {
        self.input.write_all(format!("{GO}\n").as_bytes()).await?;
        Ok(serde_json::from_str(&self.line().await?)?)
    }

    async fn line(&mut self) -> Result<String> {
        let line = self.output.next_line().await?;
        line.context("a bare loop ended early: see its log beside the results")
    }
}

/// The child's side: says that it is ready, and waits for the moment.
pub(crate) fn wait_for_go() -> Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{READY}")?;
    output.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    ensure!(line.trim_end() == GO, "the parent went away");
    Ok(())
}

/// The child's side: tells what it did, and stays until the parent has looked.
pub(crate) fn tell(report: &LoopReport) -> Result<bool> {
    let mut output = io::stdout();
    writeln!(output, "{}", serde_json::to_string(report)?)?;
    output.flush()?;
    io::stdin().read_line(&mut String::new())?;
    Ok(report.failure.is_none())
}
