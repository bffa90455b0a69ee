//! What GitOps tools make of a PingStack: recorded objects in each state, judged by the library of kstatus and by the health
//! script for Argo CD in its interpreter. `tests/cluster/gitops` is the program that judges.

use anyhow::{Context, Result};

use crate::program::Program;
use crate::repository::Repository;

const JUDGE: &str = "tests/cluster/gitops";
const DOCUMENT: &str = "docs/gitops.md";

pub(crate) fn check(repository: &Repository) -> Result<String> {
    let states = repository.read(format!("{JUDGE}/states.json"))?;
    let judge = repository.build_folder("gitops")?.join("judge");
    Program::new("go")
        .arguments(["build", "-C", JUDGE, "-o"])
        .argument(&judge)
        .argument(".")
        .inside(repository.root())
        .output()
        .context("the judge is compiled with Go 1.26 or later (https://go.dev/doc/install)")?;
    let judged = Program::new(&judge)
        .argument(repository.path(DOCUMENT))
        .argument("states")
        .input(&states)
        .all_output()
        .with_context(|| format!("correct the rules of conditions, or the script in {DOCUMENT}"))?;
    Ok(judged.trim().to_owned())
}
