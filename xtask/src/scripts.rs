//! Every script parses, and shellcheck finds nothing in it.

use anyhow::{Context, Result};

use crate::program::Program;
use crate::repository::Repository;

pub(crate) fn check(repository: &Repository) -> Result<String> {
    let mut scripts = Vec::new();
    for path in repository.git_files(&[])? {
        // Pictures are not UTF-8, and no scripts.
        if repository.read(&path).is_ok_and(|text| is_bash(&text)) {
            scripts.push(path);
        }
    }
    repository.need("shellcheck", "shellcheck")?;
    shellcheck(repository, &scripts)?;
    need_wants_programs(repository)?;
    Ok(format!("{} scripts are clean", scripts.len()))
}

fn is_bash(text: &str) -> bool {
    text.lines().any(|line| {
        (line.starts_with("#!") && ends_in_word_bash(line)) || line.starts_with("# shellcheck shell=bash")
    })
}

fn ends_in_word_bash(line: &str) -> bool {
    line.strip_suffix("bash")
        .is_some_and(|rest| rest.ends_with(|last: char| !last.is_alphanumeric() && last != '_'))
}

fn shellcheck(repository: &Repository, scripts: &[String]) -> Result<()> {
    Program::new("shellcheck")
        .arguments(["--external-sources", "--severity=warning"])
        .arguments(scripts)
        .inside(repository.root())
        .quietly()
}

/// A program is missing although a function has its name, as one that sets its options does.
fn need_wants_programs(repository: &Repository) -> Result<()> {
    let lines =
        "debian_as_root() { false; }; no-such-program() { true; }; ! (need no-such-program none) 2>/dev/null";
    Program::bash(&repository.path("dev/need.bash"), lines)
        .quietly()
        .context("need takes a function for the program of its name")
}

#[cfg(test)]
mod tests {
    use super::{is_bash, need_wants_programs, shellcheck};
    use crate::repository::{Repository, planted};

    #[test]
    fn scripts_are_known_by_their_first_words() {
        assert!(
            is_bash("#!/usr/bin/env bash\n")
                && is_bash("#!/bin/bash\n")
                && is_bash("# Sourced.\n# shellcheck shell=bash disable=SC2034\n")
        );
        assert!(!is_bash("#!/bin/sh\n") && !is_bash("#!/usr/bin/node\n") && !is_bash("echo bash\n"));
    }

    #[test]
    fn a_mistake_in_a_script_is_found() {
        Repository::of_this_program().need("shellcheck", "shellcheck").unwrap();
        let (_folder, repository) = planted::repository(&[
            ("good", "#!/usr/bin/env bash\necho \"$1\"\n"),
            ("unused", "#!/usr/bin/env bash\nlost=1\n"),
            ("broken", "#!/usr/bin/env bash\nif true; then\n"),
        ]);
        shellcheck(&repository, &["good".to_owned()]).unwrap();
        for script in ["unused", "broken"] {
            let error = shellcheck(&repository, &[script.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(script), "{error}");
        }
    }

    #[test]
    fn a_need_that_takes_functions_is_found() {
        let careless = "need() { type \"$1\" >/dev/null; }\n";
        let (_folder, repository) = planted::repository(&[("dev/need.bash", careless)]);
        assert!(need_wants_programs(&repository).is_err());
        need_wants_programs(&Repository::of_this_program()).unwrap();
    }
}
