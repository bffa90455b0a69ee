//! Known vulnerabilities of the dependencies. The database of `RustSec` has to be downloaded, which is not possible everywhere.

use anyhow::{Context, Result, bail};

use crate::program::Program;
use crate::repository::Repository;

const DATABASE: &str = "https://github.com/RustSec/advisory-db";
const DEADLINE_SECONDS: &str = "20";

/// Where the database cannot be reached, the result says that nothing was checked.
pub(crate) fn check(repository: &Repository) -> Result<String> {
    match reach(DATABASE) {
        Ok(()) => require(repository),
        Err(error) => Ok(format!("NOT CHECKED for known vulnerabilities: {error:#}")),
    }
}

/// Fails where the database cannot be reached: a release is checked.
pub(crate) fn require(repository: &Repository) -> Result<String> {
    reach(DATABASE)?;
    let tool = Program::new(repository.path("dev/tool")).argument("cargo-deny").output()?;
    Program::new(tool.trim())
        .inside(repository.root())
        .arguments(["check", "advisories"])
        .quietly()
        .context(
            "a dependency has a known vulnerability: upgrade it, or say in deny.toml why it is harmless",
        )?;
    Ok("no dependency has a known vulnerability that deny.toml does not name".to_owned())
}

fn reach(database: &str) -> Result<()> {
    let asked = Program::new("timeout")
        .arguments([DEADLINE_SECONDS, "git", "ls-remote", "--exit-code", database, "HEAD"])
        .variable("GIT_TERMINAL_PROMPT", "0")
        .quietly();
    if asked.is_err() {
        bail!("the database of advisories cannot be reached at {database}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::reach;

    #[test]
    fn a_database_that_cannot_be_reached_is_named() {
        let error = reach("file:///no/such/database").unwrap_err().to_string();
        assert!(error.contains("file:///no/such/database"), "{error}");
    }
}
