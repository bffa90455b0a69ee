//! Other programs, run to their end.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

pub(crate) struct Program {
    name: String,
    command: Command,
}

impl Program {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        Self { name: program.to_string_lossy().into_owned(), command: Command::new(program) }
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

    /// Its standard output. Standard error goes to the terminal.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("{} cannot be started", self.name))?;
        if !output.status.success() {
            bail!("{} failed ({}), see above", self.name, output.status);
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("{} printed something else than UTF-8", self.name))
    }

    /// Runs it; what it prints is shown only when it fails.
    pub(crate) fn quietly(mut self) -> Result<()> {
        let output = self.command.output().with_context(|| format!("{} cannot be started", self.name))?;
        if !output.status.success() {
            let printed = [output.stdout, output.stderr].concat();
            bail!("{} failed ({})\n{}", self.name, output.status, String::from_utf8_lossy(&printed));
        }
        Ok(())
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
}
