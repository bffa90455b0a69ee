//! Programs of the workspace, compiled by Cargo.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::environment::variable;
use crate::program::Program;
use crate::repository::Repository;

/// A program as the tests have it: naming its package would compile the dependencies once more.
pub(crate) fn debug_program(repository: &Repository, name: &str) -> Result<PathBuf> {
    Program::new("cargo")
        .arguments(["build", "--quiet", "--locked", "--workspace", "--bin", name])
        .inside(repository.root())
        .output()?;
    let target = variable("CARGO_TARGET_DIR").map_or_else(|| repository.path("target"), PathBuf::from);
    Ok(target.join("debug").join(name))
}

/// Compiles programs as the images have them, and returns the folder that they are in.
pub(crate) fn release_programs(repository: &Repository, names: &[&str]) -> Result<PathBuf> {
    let folder = Program::new(repository.path("dev/release-build")).arguments(names).output()?;
    Ok(PathBuf::from(folder.trim_end()))
}

/// How far a build is whose messages go into this log.
pub(crate) fn progress(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let crates: Vec<&str> = text.lines().filter(|line| line.contains("Compiling")).collect();
    format!("crates begun: {}; {}", crates.len(), crates.last().map_or("", |line| line.trim()))
}
