//! Other programs, run to their end.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail};

use crate::environment;

const POLL: Duration = Duration::from_millis(200);
const PROGRESS: Duration = Duration::from_secs(15);
/// How much of a log is shown.
const LOG_LINES: usize = 25;

pub(crate) struct Program {
    name: String,
    command: Command,
    input: Option<String>,
}

impl Program {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        for name in environment::names_about_package() {
            command.env_remove(name);
        }
        Self { name: program.to_string_lossy().into_owned(), command, input: None }
    }

    /// Lines of bash after `dev/need.bash` or another file of functions was sourced.
    pub(crate) fn bash(functions: &Path, lines: &str) -> Self {
        Self::new("bash")
            .arguments(["-c", &format!("set -euo pipefail; source \"$1\"; {lines}"), "xtask"])
            .argument(functions)
    }

    pub(crate) fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn arguments<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads from its standard input.
    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    pub(crate) fn without_variable(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Its standard output. Standard error goes to the terminal.
    pub(crate) fn output(mut self) -> Result<String> {
        self.command.stderr(Stdio::inherit());
        let output = self.run()?;
        if !output.status.success() {
            bail!("{} failed ({}), see above", self.name, output.status);
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("{} printed something else than UTF-8", self.name))
    }

    /// Runs it; what it prints is shown only when it fails.
    pub(crate) fn quietly(self) -> Result<()> {
        self.all_output().map(drop)
    }

    /// Its standard output, and then its standard error.
    pub(crate) fn all_output(mut self) -> Result<String> {
        self.command.stderr(Stdio::piped());
        let output = self.run()?;
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        if !output.status.success() {
            bail!("{} failed ({})\n{printed}", self.name, output.status);
        }
        Ok(printed)
    }

    /// Its standard output. Its standard error goes into a log, whose end is shown if it fails; `progress` is called every 15 s.
    pub(crate) fn output_with_progress(mut self, log: &Path, progress: impl Fn()) -> Result<String> {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let mut child = self.command.spawn().with_context(|| format!("{} cannot be started", self.name))?;
        let mut next = Instant::now() + PROGRESS;
        while child.try_wait()?.is_none() {
            std::thread::sleep(POLL);
            if Instant::now() > next {
                progress();
                next += PROGRESS;
            }
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            bail!(
                "{} failed ({}), all that it said is in {}:\n{end}",
                self.name,
                output.status,
                log.display()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it with the terminal's own input and output.
    pub(crate) fn shown(mut self) -> Result<()> {
        let status = self.command.status().with_context(|| format!("{} cannot be started", self.name))?;
        if !status.success() {
            bail!("{} failed ({status}), see above", self.name);
        }
        Ok(())
    }

    /// The same, except that its standard output goes into a file.
    pub(crate) fn shown_but_output_into(mut self, file: &Path) -> Result<()> {
        self.command.stdout(File::create(file)?);
        self.shown()
    }

    /// Runs it in place of xtask, so that it gets the signals of the terminal. Returns only if it cannot be started.
    pub(crate) fn replace_this_process(mut self) -> Error {
        anyhow!(self.command.exec()).context(format!("{} cannot be started", self.name))
    }

    /// Starts it in the background, without what it prints.
    pub(crate) fn start(mut self) -> Result<Running> {
        let command = self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Running(command.spawn().with_context(|| format!("{} cannot be started", self.name))?))
    }

    fn run(&mut self) -> Result<Output> {
        let cannot_start = || format!("{} cannot be started", self.name);
        self.command.stdout(Stdio::piped());
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::inherit() });
        let mut child = self.command.spawn().with_context(cannot_start)?;
        if let (Some(text), Some(mut stdin)) = (&self.input, child.stdin.take()) {
            stdin.write_all(text.as_bytes()).with_context(|| format!("{} read no input", self.name))?;
        }
        child.wait_with_output().with_context(|| format!("{} cannot be waited for", self.name))
    }
}

/// A program in the background. It is killed when this is dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn a_failure_shows_what_was_printed() {
        let error =
            Program::new("bash").arguments(["-c", "echo out; echo err >&2; exit 3"]).quietly().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("out\nerr\n") && text.contains("exit status: 3"), "{text}");
        assert!(Program::new("bash").arguments(["-c", "exit 1"]).output().is_err());
    }

    #[test]
    fn a_program_is_not_given_what_cargo_says_about_the_package_of_its_caller() {
        assert!(std::env::vars().any(|(name, _)| name == "CARGO_PKG_NAME"), "Cargo runs the tests");
        let variables = Program::new("env").output().unwrap();
        assert!(
            !variables.contains("CARGO_PKG_") && !variables.contains("CARGO_MANIFEST_DIR="),
            "{variables}"
        );
        assert!(variables.contains("PATH="));
    }

    #[test]
    fn output_goes_into_a_file_even_of_a_program_that_fails() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("output");
        let program = Program::new("bash").arguments(["-c", "echo out; exit 1"]);
        assert!(program.shown_but_output_into(&file).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "out\n");
    }

    #[test]
    fn a_program_reads_its_input() {
        assert_eq!(Program::new("cat").input("a secret").output().unwrap(), "a secret");
    }

    #[test]
    fn a_program_in_the_background_ends_with_its_handle() {
        let running = Program::new("sleep").argument("60").start().unwrap();
        let process = format!("/proc/{}", running.0.id());
        assert!(std::path::Path::new(&process).exists());
        drop(running);
        assert!(!std::path::Path::new(&process).exists());
    }
}
